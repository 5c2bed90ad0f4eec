/**
 * The forms in which ids are written. Inside revq an id is a code of its token's group. A file, or a
 * model, may want one vocabulary for all tokens: then an offset is added.
 *
 * - `codes`: the code within the token's group, 0 … K - 1.
 * - `groups`: the offset of the group plus the code. Tokens of one group share ids, so the vocabulary
 *   is the sum of the codebook sizes.
 * - `positions`: the number of codes of all earlier tokens plus the code. Every token has ids of its
 *   own: t * K + code if all groups have K codes.
 */
import { RevqError } from "./errors.js";
import { codebookOffsets, type TokenLayout } from "./token-layout.js";

export const idForms = ["codes", "groups", "positions"] as const;
export type IdForm = (typeof idForms)[number];

/** Ids are int32. */
const maxVocabulary = 2 ** 31;

/**
 * The number of ids of a form. With `codes`, the size of the largest codebook. Throws
 * `vocabulary-too-large` if they do not fit into int32.
 *
 * @example
 * const layout = { count: 4, codebookSizes: [8, 4], groupOf: Int32Array.of(0, 1, 1, 0) };
 * vocabularySize(layout, "groups"); // => 12
 * vocabularySize(layout, "positions"); // => 24
 */
export function vocabularySize({ codebookSizes, groupOf }: TokenLayout, form: IdForm): number {
  if (form === "codes") return codebookSizes.reduce((max, size) => Math.max(max, size), 0);
  const size =
    form === "groups"
      ? codebookSizes.reduce((sum, codes) => sum + codes, 0)
      : groupOf.reduce((sum, group) => sum + codebookSizes[group]!, 0);
  if (size <= maxVocabulary) return size;
  throw new RevqError(
    "vocabulary-too-large",
    `The form "${form}" would have ${size} ids for this tokenizer; int32 holds ${maxVocabulary}.`,
    { fix: 'Use the form "codes".', setting: { path: "ids.form", value: "codes" } },
  );
}

/**
 * What a form adds to the code of each token, `[T]`. Throws `vocabulary-too-large`.
 *
 * @example
 * const layout = { count: 4, codebookSizes: [8, 4], groupOf: Int32Array.of(0, 1, 1, 0) };
 * vocabularyOffsets(layout, "groups"); // => [0, 8, 8, 0]
 * vocabularyOffsets(layout, "positions"); // => [0, 8, 12, 16]
 */
export function vocabularyOffsets(layout: TokenLayout, form: IdForm): Int32Array {
  const { count, codebookSizes, groupOf } = layout;
  const offsets = new Int32Array(count);
  if (form === "codes") return offsets;
  vocabularySize(layout, form); // for its error
  if (form === "groups") {
    const first = codebookOffsets(layout);
    return offsets.map((_, t) => first[groupOf[t]!]!);
  }
  for (let t = 1; t < count; t++) offsets[t] = offsets[t - 1]! + codebookSizes[groupOf[t - 1]!]!;
  return offsets;
}

/**
 * codes `[n, t]` flat, in range -> ids of a form `[n, t]` flat.
 *
 * @example
 * const layout = { count: 2, codebookSizes: [8, 4], groupOf: Int32Array.of(0, 1) };
 * codesToIds(Int32Array.of(7, 3, 0, 0), layout, "groups"); // => [7, 11, 0, 8]
 */
export function codesToIds(codes: Int32Array, layout: TokenLayout, form: IdForm): Int32Array {
  const offsets = vocabularyOffsets(layout, form);
  return codes.map((code, i) => code + offsets[i % layout.count]!);
}

/**
 * ids of a form `[n, t]` flat -> codes `[n, t]` flat. Throws `code-out-of-range`; the error names the
 * form that the ids look like.
 *
 * @example
 * const layout = { count: 2, codebookSizes: [8, 4], groupOf: Int32Array.of(0, 1) };
 * idsToCodes(Int32Array.of(7, 11, 0, 8), layout, "groups"); // => [7, 3, 0, 0]
 */
export function idsToCodes(ids: Int32Array, layout: TokenLayout, form: IdForm): Int32Array {
  checkIds(ids, layout, form);
  const offsets = vocabularyOffsets(layout, form);
  return ids.map((id, i) => id - offsets[i % layout.count]!);
}

/**
 * Throws `code-out-of-range` unless every id is one of its token. An id out of range would read beyond
 * a codebook.
 *
 * @param ids `[n, t]` flat
 *
 * @example
 * const layout = { count: 2, codebookSizes: [4], groupOf: Int32Array.of(0, 0) };
 * checkIds(Int32Array.of(3, 0), layout); // => undefined
 */
export function checkIds(ids: Int32Array, layout: TokenLayout, form: IdForm = "codes"): void {
  const { count, codebookSizes, groupOf } = layout;
  if (!(ids instanceof Int32Array)) requireIntegers(ids, count);
  const offsets = vocabularyOffsets(layout, form);
  const wrong = firstOutOfRange(ids, layout, offsets);
  if (wrong === -1) return;
  const token = wrong % count;
  const last = offsets[token]! + codebookSizes[groupOf[token]!]! - 1;
  const [other] = idFormsOf(ids, layout);
  throw new RevqError(
    "code-out-of-range",
    `Image ${Math.floor(wrong / count)}, token ${token}: id ${ids[wrong]} is outside ${offsets[token]} … ${last} ` +
      `of the form "${form}".${other ? ` All ids fit the form "${other}".` : ""}`,
    other
      ? { fix: `Read them as the form "${other}".`, setting: { path: "ids.form", value: other } }
      : { fix: "Use ids of this tokenizer, without special ids such as the start of a sequence." },
  );
}

/**
 * The forms that ids `[n, t]` flat can have: in these, every id is one of its token.
 *
 * @example
 * const layout = { count: 2, codebookSizes: [4], groupOf: Int32Array.of(0, 0) };
 * idFormsOf(Int32Array.of(0, 5), layout); // => ["positions"]
 * idFormsOf(Int32Array.of(0, 3), layout); // => ["codes", "groups"]
 */
export function idFormsOf(ids: Int32Array, layout: TokenLayout): IdForm[] {
  return idForms.filter((form) => {
    try {
      return firstOutOfRange(ids, layout, vocabularyOffsets(layout, form)) === -1;
    } catch {
      return false; // the form has no ids for this layout: vocabulary-too-large
    }
  });
}

/** The index of the first id that is none of its token; -1 if there is none. */
function firstOutOfRange(ids: Int32Array, { count, codebookSizes, groupOf }: TokenLayout, offsets: Int32Array): number {
  return ids.findIndex((id, i) => {
    const code = id - offsets[i % count]!;
    return code < 0 || code >= codebookSizes[groupOf[i % count]!]!;
  });
}

/** JavaScript hands over other lists, too: a tensor engine would cut fractions off and read NaN as 0. */
function requireIntegers(ids: ArrayLike<unknown>, count: number): void {
  const wrong = Array.from(ids).findIndex((id) => !Number.isInteger(id));
  if (wrong === -1) return;
  const place = `Image ${Math.floor(wrong / count)}, token ${wrong % count}`;
  throw new RevqError("code-out-of-range", `${place}: id ${String(ids[wrong])} is no integer.`, {
    fix: "Give ids as an Int32Array.",
  });
}

/** Names that special ids can have, such as `bos` or `class_2`. */
export const specialIdName = /^[a-z][a-z0-9_]*$/;
