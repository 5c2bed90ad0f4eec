/**
 * The blocks that a transform works on, and what is learned for them. Coefficients take the positions of their block:
 * coefficient (ky, kx) of component k lies where channel k of position (y, x) was.
 */
import {
  RevqError,
  divisors,
  latentShapeToArray,
  latentSize,
  type LatentShape,
  type TransformLayout,
} from "@revq/core";

/**
 * - `dct`: a 2-D DCT-II of every channel of a block (Ahmed, Natarajan and Rao 1974).
 * - `pca`: the principal axes of whole blocks.
 * - `dct-klt`: the DCT, then for every frequency the principal axes across channels (Karhunen-Loeve transform).
 */
export const transforms = ["dct", "pca", "dct-klt"] as const;
export type TransformKind = (typeof transforms)[number];

export interface TransformGeometry extends TransformLayout {
  readonly kind: TransformKind;
  readonly shape: LatentShape;
  /** Elements of a block. */
  readonly size: number;
  /** Learned rotations and the elements that each one mixes; 0 of them for `dct`. */
  readonly rotations: { readonly count: number; readonly dim: number };
}

/** Positions of a block: more frequencies than 8 x 8 gain little, and blocks can share codebooks. */
const wantedPositions = 64;
/** The cosines of larger blocks are too large a matrix. */
const maxPositions = 1024;
/** Elements that a PCA mixes at most: eigenvectors cost their third power. */
const maxMixed = 1024;

/**
 * The largest blocks of up to 8 x 8 positions whose number divides T; if there are none, the smallest larger ones.
 * Undefined when no block fits.
 */
export function findTransform(kind: TransformKind, shape: LatentShape, tokens: number): TransformGeometry | undefined {
  const { channels, height, width } = shape;
  const positions = ([rows, columns]: readonly [number, number]): number => rows * columns;
  const preference = (block: readonly [number, number]): number => {
    const area = positions(block);
    const lopsided = Math.abs(Math.log2(block[0] / block[1])) / 64;
    return (area <= wantedPositions ? area : -area) - lopsided;
  };
  const block = divisors(height)
    .flatMap((rows) => divisors(width).map((columns): [number, number] => [rows, columns]))
    .filter((each) => positions(each) <= maxPositions && tokens % ((height * width) / positions(each)) === 0)
    .filter((each) => kind !== "pca" || positions(each) * channels <= maxMixed)
    .sort((a, b) => preference(b) - preference(a))[0];
  if (!block) return undefined;
  const size = positions(block) * channels;
  return {
    kind,
    shape,
    block,
    blocks: latentSize(shape) / size,
    decorrelated: true,
    size,
    rotations: {
      dct: { count: 0, dim: 0 },
      pca: { count: 1, dim: size },
      "dct-klt": { count: positions(block), dim: channels },
    }[kind],
  };
}

/** `findTransform`, or an error that says what to do. */
export function requireTransform(kind: TransformKind, shape: LatentShape, tokens: number): TransformGeometry {
  const found = findTransform(kind, shape, tokens);
  if (found) return found;
  throw new RevqError(
    "no-transform-fits",
    `No blocks of the latent [${latentShapeToArray(shape)}] share ${tokens} tokens evenly, so the transform ${kind} is not possible.`,
    { fix: "Use another number of tokens, or the transform none.", setting: { path: "transform.id", value: "none" } },
  );
}
