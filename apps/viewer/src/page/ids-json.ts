/** Ids as text: the JSON of `revq encode -o ids.json`, or a bare list of numbers. */
import { RevqError, vocabularyOffsets, vocabularySize, type TokenSpec } from "@revq/core";
import type { TokenizerDescription } from "../protocol/messages.js";

export function tokenSpecOf({ tokens, codes, groupOf }: TokenizerDescription): TokenSpec {
  return { tokens, codes, groupOf };
}

export function idsToJson(codes: Int32Array, name: string, description: TokenizerDescription): string {
  const head = {
    tokens: description.tokens,
    vocabulary: vocabularySize(tokenSpecOf(description)),
    offsetGroups: false,
  };
  const image = JSON.stringify({ name, ids: Array.from(codes) });
  return `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "images": [\n    ${image}\n  ]\n}\n`;
}

/** The codes of the first image in the text, `[T]`. Throws `ids-malformed`, `ids-shape`, `code-out-of-range`. */
export function idsFromText(text: string, description: TokenizerDescription): Int32Array {
  const spec = tokenSpecOf(description);
  const { ids, flat } = readIds(text);
  if (ids.length !== spec.tokens) {
    throw new RevqError("ids-shape", `There are ${ids.length} ids, the tokenizer has ${spec.tokens} tokens.`, {
      fix: "Paste the ids of one image, made with this tokenizer.",
    });
  }
  const offsets = vocabularyOffsets(spec);
  const codes = Int32Array.from(ids, (id, t) => (flat ? id - offsets[t]! : id));
  codes.forEach((code, t) => {
    const limit = spec.codes[spec.groupOf[t]!]!;
    if (code >= 0 && code < limit) return;
    throw new RevqError("code-out-of-range", `Token ${t}: code ${code} is outside 0 … ${limit - 1}.`, {
      fix: "Are these the ids of another tokenizer?",
    });
  });
  return codes;
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
    throw malformed("it holds no list of whole numbers");
  return { ids: ids as number[], flat: file?.offsetGroups === true };
}

function malformed(reason: string): RevqError {
  return new RevqError("ids-malformed", `This is no list of ids: ${reason}.`, {
    fix: "Paste what `revq encode -o ids.json` writes, or numbers with commas.",
  });
}
