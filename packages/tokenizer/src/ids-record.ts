/**
 * What files of ids say about themselves, in every version: the form of their ids and the vocabulary.
 * Files of older versions recorded `offsetGroups`. It meant the form `positions`, and `vocabulary` was
 * the number of its ids, also where the ids are codes.
 */
import { idsToCodes, RevqError, vocabularySize, type IdForm, type TokenLayout } from "@revq/core";
import { z } from "zod";
import { jsonText } from "./json-text.js";
import type { TileGrid } from "./tile-grid.js";
import { vocabularySchema, type Vocabulary } from "./vocabulary.js";

export interface IdsRecord {
  /** Null: the file does not say. */
  readonly form: IdForm | null;
  readonly vocabulary: Vocabulary | null;
  /** Of an older version: ids of the form `positions`. */
  readonly formerSize: number | null;
}

/** The fields of a record as JSON values. */
export const idsRecordSchema = z.object({
  vocabulary: z.union([vocabularySchema, z.int().min(1)]).nullish(),
  /** Of older versions. */
  offsetGroups: z.boolean().nullish(),
});

/**
 * @example
 * idsRecord({ vocabulary: 64, offsetGroups: true }).form; // => "positions"
 */
export function idsRecord({ vocabulary, offsetGroups }: z.output<typeof idsRecordSchema>): IdsRecord {
  if (vocabulary && typeof vocabulary === "object") return { form: vocabulary.form, vocabulary, formerSize: null };
  const former = typeof offsetGroups === "boolean" ? (offsetGroups ? "positions" : "codes") : null;
  return { form: former, vocabulary: null, formerSize: vocabulary ?? null };
}

/**
 * ids of a file `[n, t]` flat -> codes `[n, t]` flat. Throws `ids-vocabulary` for the ids of another
 * tokenizer, `ids-form` if the file has another form than the asked one, `special-id`, and
 * `code-out-of-range`.
 *
 * @param asked the form that the user names; null: as the file says, else `codes`
 * @param where the file, for errors
 *
 * @example
 * const layout = { count: 2, codebookSizes: [8], groupOf: Int32Array.of(0, 0) };
 * const record = idsRecord({ vocabulary: 16, offsetGroups: true });
 * codesOfFile(Int32Array.of(7, 9), record, null, layout, "ids.json"); // => [7, 1]
 */
export function codesOfFile(
  ids: Int32Array,
  record: IdsRecord,
  asked: IdForm | null,
  layout: TokenLayout,
  where: string,
): Int32Array {
  requireSameTokens(record, layout, where);
  if (asked !== null && record.form !== null && record.form !== asked) {
    throw new RevqError("ids-form", `${where} says that its ids have the form "${record.form}", not "${asked}".`, {
      fix: "Leave the form out: the file is read as it says.",
    });
  }
  const form = record.form ?? asked ?? "codes";
  if (record.vocabulary) refuseSpecial(ids, record.vocabulary, layout, where);
  return idsToCodes(ids, layout, form);
}

function requireSameTokens({ vocabulary, formerSize }: IdsRecord, layout: TokenLayout, where: string): void {
  const fix = "Decode with the tokenizer that made the ids.";
  if (formerSize !== null && formerSize !== vocabularySize(layout, "positions")) {
    throw new RevqError(
      "ids-vocabulary",
      `${where} has a vocabulary of ${formerSize} ids, the tokenizer one of ${vocabularySize(layout, "positions")}.`,
      { fix },
    );
  }
  if (!vocabulary) return;
  const { codebookSizes, groupOf } = vocabulary.layout;
  const same = codebookSizes.join() === layout.codebookSizes.join() && groupOf.join() === layout.groupOf.join();
  if (same) return;
  const summary = (sizes: readonly number[], tokens: number): string =>
    `${tokens} tokens over ${sizes.length} codebooks of ${sizes.reduce((sum, size) => sum + size, 0)} codes in all`;
  const [theirs, ours] = [summary(codebookSizes, groupOf.length), summary(layout.codebookSizes, layout.count)];
  const what =
    theirs === ours ? "has its tokens in other groups than the tokenizer" : `is of ${theirs}, the tokenizer of ${ours}`;
  throw new RevqError("ids-vocabulary", `${where} ${what}.`, { fix });
}

function refuseSpecial(ids: Int32Array, { special }: Vocabulary, { count }: TokenLayout, where: string): void {
  const ranges = Object.entries(special);
  if (ranges.length === 0) return;
  const first = Math.min(...ranges.map(([, range]) => range.first));
  const at = ids.findIndex((id) => id >= first);
  const found = ranges.find(([, range]) => ids[at]! >= range.first && ids[at]! < range.first + range.count);
  if (at === -1 || !found) return;
  throw new RevqError(
    "special-id",
    `${where}: image ${Math.floor(at / count)}, token ${at % count}: id ${ids[at]} is reserved for "${found[0]}". It names no code.`,
    { fix: "Take special ids out before decoding." },
  );
}

/** One image of a `.json` file of ids. */
export interface IdsOfImage {
  readonly name: string;
  /** Of an image in tiles. */
  readonly grid?: TileGrid;
  /** `[t]`, or `[tiles * t]`. */
  readonly ids: readonly number[];
}

/** A `.json` file of ids. @param images with ids in the form of the vocabulary */
export function idsJson(images: readonly IdsOfImage[], vocabulary: Vocabulary): string {
  const head = jsonText({ tokens: vocabulary.layout.tokens, vocabulary }).slice(0, -3);
  const lines = images.map((image) => `    ${JSON.stringify(image)}`).join(",\n");
  return `${head},\n  "images": [\n${lines}\n  ]\n}\n`;
}
