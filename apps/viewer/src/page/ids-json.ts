/** Ids as text: the JSON of `revq encode -o ids.json`, or a bare list of codes. */
import { codesToIds, RevqError } from "@revq/core";
import { codesOfFile, idsJson, idsRecord, idsRecordSchema, type IdsRecord } from "@revq/tokenizer";
import type { TokenizerDescription } from "../protocol/messages.js";

export function idsToJson(codes: Int32Array, name: string, { layout, vocabulary }: TokenizerDescription): string {
  return idsJson([{ name, ids: Array.from(codesToIds(codes, layout, vocabulary.form)) }], vocabulary);
}

/**
 * The codes of the first image in the text, `[T]`. Throws `ids-malformed`, `ids-shape`, `ids-vocabulary`,
 * `special-id`, `code-out-of-range`.
 */
export function idsFromText(text: string, { layout }: TokenizerDescription): Int32Array {
  const { ids, record } = readIds(text);
  if (ids.length !== layout.count) {
    throw new RevqError("ids-shape", `There are ${ids.length} ids, the tokenizer has ${layout.count} tokens.`, {
      fix: "Paste the ids of one image, made with this tokenizer.",
    });
  }
  return codesOfFile(Int32Array.from(ids), record, null, layout, "The text");
}

function readIds(text: string): { ids: readonly number[]; record: IdsRecord } {
  const bare = text.trim();
  if (/^[\d\s,]+$/.test(bare) && bare !== "") {
    const numbers = bare.split(/[\s,]+/).filter(Boolean);
    return { ids: requireIds(numbers.map(Number)), record: idsRecord({}) };
  }
  let value: unknown;
  try {
    value = JSON.parse(bare);
  } catch (cause) {
    throw malformed(`it is not JSON (${(cause as Error).message})`);
  }
  const file = value as { images?: { ids?: unknown }[] } | null;
  let ids: unknown = Array.isArray(value) ? value : file?.images?.[0]?.ids;
  if (Array.isArray(ids) && Array.isArray(ids[0])) ids = ids[0] as unknown;
  const fields = idsRecordSchema.safeParse(Array.isArray(value) ? {} : value);
  if (!fields.success)
    throw malformed(`its ${fields.error.issues[0]!.path.join(".") || "content"} is not as written by revq`);
  return { ids: requireIds(ids), record: idsRecord(fields.data) };
}

function requireIds(ids: unknown): readonly number[] {
  const whole = (id: unknown): boolean => Number.isInteger(id) && Math.abs(id as number) < 2 ** 31;
  if (Array.isArray(ids) && ids.every(whole)) return ids as number[];
  throw malformed("it has no list of whole numbers of 32 bits");
}

function malformed(reason: string): RevqError {
  return new RevqError("ids-malformed", `The text is not a list of ids: ${reason}.`, {
    fix: "Paste an ids.json file, or numbers with commas.",
  });
}
