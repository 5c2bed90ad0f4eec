/**
 * What a reader of ids needs, in any language: `vocabulary.json`, or the record inside a file of ids.
 * It says which id is which code of which codebook, where tokens lie, and which ids are reserved.
 */
import {
  codebookOffsets,
  idForms,
  latentShapeToArray,
  RevqError,
  specialIdName,
  vocabularyOffsets,
  vocabularySize,
  type IdForm,
  type LatentShape,
  type TokenLayout,
  type TransformLayout,
} from "@revq/core";
import { z } from "zod";
import { tokenGrid } from "./token-grid.js";

export const vocabularyFile = "vocabulary.json";

const positive = z.int().min(1);
const index = z.int().min(0);

/** The tokens of an image, whatever form their ids have. A section of config.json, too. */
export const tokenRecordSchema = z.strictObject({
  /** T: ids of an image. */
  tokens: positive,
  /** Codes of each group, `[G]`. */
  codebookSizes: z.array(positive).min(1),
  /** The first code of each group, if all codebooks stand one after the other, `[G]`. */
  codebookOffsets: z.array(index).min(1),
  /** The group of each token, `[T]`. */
  groupOf: z.array(index).min(1),
  /** `[c, h, w]` of the latent that the tokens describe. */
  latentShape: z.tuple([positive, positive, positive]),
  /** Side of an image in pixels; null for a tokenizer of latents. */
  imageSize: positive.nullable(),
  /** Null if tokens do not make a grid. */
  grid: z
    .strictObject({
      /** `[rows, columns, depth]`; depth is the number of tokens of a cell. */
      shape: z.tuple([positive, positive, positive]),
      /** Positions of the latent that a cell covers, `[rows, columns]`. */
      patch: z.tuple([positive, positive]),
      /** The same in pixels; null for a tokenizer of latents. */
      pixels: z.tuple([z.number().positive(), z.number().positive()]).nullable(),
      /** The axes in token order, slowest first; null if they are mixed. */
      order: z.string().nullable(),
      /** The index of each token in the grid, flat, `[T]`. */
      positions: z.array(index).min(1),
    })
    .nullable(),
});

export type TokenRecord = z.output<typeof tokenRecordSchema>;

const specialName = z.string().regex(specialIdName);

export const vocabularySchema = z.strictObject({
  formatVersion: z.literal(1),
  form: z.enum(idForms),
  /** Ids in all, the special ones too: the rows of an embedding. */
  size: positive,
  /** Ids 0 … codes - 1 name codes. */
  codes: positive,
  /** What was added to the code of each token, `[T]`: code = id - offsets[t]. */
  offsets: z.array(index).min(1),
  /** Reserved ids: first … first + count - 1. revq writes none of them. */
  special: z.record(specialName, z.strictObject({ first: index, count: positive })),
  layout: tokenRecordSchema,
});

export type Vocabulary = z.output<typeof vocabularySchema>;

/** Ids to reserve behind those of the codes. */
export interface ReservedIds {
  /** Lower case letters, digits and underscores. */
  readonly name: string;
  readonly count: number;
}

export interface DescribedTokens {
  readonly layout: TokenLayout;
  readonly latentShape: LatentShape;
  /** Of the tokenizer's transform. */
  readonly transform: TransformLayout;
  /** Null for a tokenizer of latents. */
  readonly imageSize: number | null;
}

/** The tokens of a tokenizer as plain data. */
export function tokenRecord({ layout, latentShape, transform, imageSize }: DescribedTokens): TokenRecord {
  const grid = tokenGrid(layout, latentShape, transform);
  const pixels = grid &&
    imageSize !== null && [
      (grid.patch[0] * imageSize) / latentShape.height,
      (grid.patch[1] * imageSize) / latentShape.width,
    ];
  return {
    tokens: layout.count,
    codebookSizes: [...layout.codebookSizes],
    codebookOffsets: [...codebookOffsets(layout)],
    groupOf: [...layout.groupOf],
    latentShape: latentShapeToArray(latentShape),
    imageSize,
    grid: grid && {
      shape: grid.shape,
      patch: grid.patch,
      pixels: pixels ? (pixels as [number, number]) : null,
      order: grid.order,
      positions: grid.positions,
    },
  };
}

/**
 * The vocabulary of a form. Special ids follow the ids of codes, in the order given. Throws
 * `reserved-ids` and `vocabulary-too-large`.
 *
 * @example
 * import { sharedTokenLayout } from "@revq/core";
 * const latentShape = { channels: 4, height: 2, width: 2 };
 * const transform = { block: [2, 2], blocks: 1, decorrelated: false } as const;
 * const tokens = { layout: sharedTokenLayout(4, 16, "spatial"), latentShape, transform, imageSize: 16 };
 * const { size, special } = createVocabulary(tokens, "groups", [{ name: "bos", count: 1 }]);
 * [size, special]; // => [17, { bos: { first: 16, count: 1 } }]
 */
export function createVocabulary(
  tokens: DescribedTokens,
  form: IdForm,
  reserve: readonly ReservedIds[] = [],
): Vocabulary {
  const codes = vocabularySize(tokens.layout, form);
  const special: Vocabulary["special"] = {};
  let size = codes;
  for (const { name, count } of reserve) {
    if (!specialIdName.test(name) || Object.hasOwn(special, name) || !Number.isInteger(count) || count < 1) {
      const why = Object.hasOwn(special, name)
        ? "the name is there twice"
        : "expected a lower-case name and a count of 1 or more";
      throw new RevqError("reserved-ids", `The special ids "${name}" (${count}) cannot be reserved: ${why}.`, {
        fix: "Use names such as bos, eos, mask, classes, each once.",
        setting: { path: "reserve" },
      });
    }
    special[name] = { first: size, count };
    size += count;
  }
  if (size > 2 ** 31) {
    throw new RevqError(
      "vocabulary-too-large",
      `With its special ids the vocabulary has ${size} ids; int32 holds 2^31.`,
      {
        fix: "Reserve fewer.",
        setting: { path: "reserve" },
      },
    );
  }
  const offsets = [...vocabularyOffsets(tokens.layout, form)];
  return { formatVersion: 1, form, size, codes, offsets, special, layout: tokenRecord(tokens) };
}
