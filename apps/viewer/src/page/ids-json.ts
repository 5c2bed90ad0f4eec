/** Ids as text: the JSON of `revq encode -o ids.json`, or a bare list of numbers. */
import { RevqError, vocabularyOffsets, vocabularySize } from "@revq/core";
import type { TokenizerDescription } from "../protocol/messages.js";

export function idsToJson(ids: Int32Array, name: string, description: TokenizerDescription): string {
  const head = {
    tokens: description.layout.count,
    vocabulary: vocabularySize(description.layout),
    offsetGroups: false,
  };
  const image = JSON.stringify({ name, ids: Array.from(ids) });
  return `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "images": [\n    ${image}\n  ]\n}\n`;
}

/**
 * The ids of the first image in the text, `[T]`. Throws `ids-malformed`, `ids-shape`,
 * `code-out-of-range`.
 */
export function idsFromText(text: string, description: TokenizerDescription): Int32Array {
  const { layout } = description;
  const { ids, flat } = readIds(text);
  if (ids.length !== layout.count) {
    throw new RevqError("ids-shape", `There are ${ids.length} ids, the tokenizer has ${layout.count} tokens.`, {
      fix: "Paste the ids of one image, made with this tokenizer.",
    });
  }
  const offsets = vocabularyOffsets(layout);
  const checked = Int32Array.from(ids, (id, t) => (flat ? id - offsets[t]! : id));
  checked.forEach((id, t) => {
    const limit = layout.codebookSizes[layout.groupOf[t]!]!;
    if (id >= 0 && id < limit) return;
    throw new RevqError("code-out-of-range", `Token ${t}: id ${id} is outside 0 … ${limit - 1}.`, {
      fix: "Use ids that this tokenizer made.",
    });
  });
  return checked;
}

function readIds(text: string): { ids: readonly number[]; flat: boolean } {
  const bare = text.trim();
  if (/^[\d\s,]+$/.test(bare) && bare !== "")
    return {
      ids: bare
        .split(/[\s,]+/)
        .filter(Boolean)
        .map(Number),
      flat: false,
    };
  let value: unknown;
  try {
    value = JSON.parse(bare);
  } catch (cause) {
    throw malformed(`it is not JSON (${(cause as Error).message})`);
  }
  const file = value as { images?: { ids?: unknown }[]; offsetGroups?: unknown };
  let ids: unknown = Array.isArray(value) ? value : file?.images?.[0]?.ids;
  if (Array.isArray(ids) && Array.isArray(ids[0])) ids = ids[0] as unknown;
  if (!Array.isArray(ids) || !ids.every((id) => Number.isInteger(id)))
    throw malformed("it has no list of whole numbers");
  return { ids: ids as number[], flat: file?.offsetGroups === true };
}

function malformed(reason: string): RevqError {
  return new RevqError("ids-malformed", `The text is not a list of ids: ${reason}.`, {
    fix: "Paste an ids.json file, or numbers with commas.",
  });
}
