/**
 * Which part of a latent a transform works on: blocks of neighbouring cells, all channels. Coefficients take the places of the
 * cells: coefficient (ky, kx) of component k lies where cell (y, x) of channel k of its block was, so a transformed latent is
 * `[h, w, c]` again and can be cut like one.
 */
import { RevqError, divisors, latentShapeToArray, latentSize, type LatentShape } from "@revq/core";

/**
 * - `dct`: a 2-D DCT-II of every channel of a block (Ahmed, Natarajan and Rao 1974).
 * - `pca`: the principal axes of whole blocks.
 * - `dct-klt`: the DCT, then for every frequency the principal axes across channels (Karhunen-Loeve transform).
 */
export const transforms = ["dct", "pca", "dct-klt"] as const;
export type TransformKind = (typeof transforms)[number];

export interface TransformGeometry {
  readonly kind: TransformKind;
  readonly shape: LatentShape;
  /** Cells of a block, rows and columns. */
  readonly block: readonly [rows: number, columns: number];
  /** B: blocks of a latent, row by row. */
  readonly blocks: number;
  /** Numbers in a block. */
  readonly size: number;
  /** Learned rotations and the numbers that each one mixes; 0 of them for `dct`. */
  readonly rotations: { readonly count: number; readonly dim: number };
}

/** Cells of a block that suffice: more frequencies than 8 x 8 gain little, and blocks can share codebooks. */
const wantedCells = 64;
/** The cosines of larger blocks are too large a matrix. */
const mostCells = 1024;
/** Numbers that a PCA mixes at most: eigenvectors cost their third power. */
const mostMixed = 1024;

/**
 * The largest blocks of up to 8 x 8 cells whose number divides T; if there are none, the smallest larger ones. Undefined when no
 * block will do.
 */
export function findTransform(kind: TransformKind, shape: LatentShape, tokens: number): TransformGeometry | undefined {
  const { channels, height, width } = shape;
  const cells = ([rows, columns]: readonly [number, number]): number => rows * columns;
  const preference = (block: readonly [number, number]): number => {
    const area = cells(block);
    const lopsided = Math.abs(Math.log2(block[0] / block[1])) / 64;
    return (area <= wantedCells ? area : -area) - lopsided;
  };
  const block = divisors(height)
    .flatMap((rows) => divisors(width).map((columns): [number, number] => [rows, columns]))
    .filter((each) => cells(each) <= mostCells && tokens % ((height * width) / cells(each)) === 0)
    .filter((each) => kind !== "pca" || cells(each) * channels <= mostMixed)
    .sort((a, b) => preference(b) - preference(a))[0];
  if (!block) return undefined;
  const size = cells(block) * channels;
  return {
    kind,
    shape,
    block,
    blocks: latentSize(shape) / size,
    size,
    rotations: {
      dct: { count: 0, dim: 0 },
      pca: { count: 1, dim: size },
      "dct-klt": { count: cells(block), dim: channels },
    }[kind],
  };
}

/** True when one block of the wanted size is the whole map. */
export function coversMap({ height, width }: LatentShape): boolean {
  return height * width <= wantedCells;
}

/** `findTransform`, or an error that says what to do. */
export function requireTransform(kind: TransformKind, shape: LatentShape, tokens: number): TransformGeometry {
  const found = findTransform(kind, shape, tokens);
  if (found) return found;
  throw new RevqError(
    "no-transform-fits",
    `The transform ${kind} finds no blocks of the latent [${latentShapeToArray(shape)}] that share ${tokens} tokens evenly.`,
    { fix: "Use another number of tokens, or transform=none." },
  );
}

/** Where every number of every block lies in `[h, w, c]`: `[B, cells, c]`. */
export function blockPlaces({ shape, block, blocks, size }: TransformGeometry): Int32Array {
  const [rows, columns] = block;
  const across = shape.width / columns;
  const places = new Int32Array(blocks * size);
  let next = 0;
  for (let b = 0; b < blocks; b++) {
    const [top, left] = [Math.floor(b / across) * rows, (b % across) * columns];
    for (let y = top; y < top + rows; y++)
      for (let x = left; x < left + columns; x++)
        for (let c = 0; c < shape.channels; c++) places[next++] = (y * shape.width + x) * shape.channels + c;
  }
  return places;
}
