/**
 * Splits of a latent into T tokens of d = c*h*w / T elements, and the layout of tokens. A split is
 * a fixed order of the latent's elements, so cutting and joining are one gather each. arXiv
 * 2507.10547, "channel multi-group quantization".
 *
 * - `channel`: channel-major (c, y, x) runs of d: a token lies inside one channel (the paper's).
 * - `spatial`: position-major (y, x, c) runs of d: a token is part of the channel vector at one
 *   position.
 * - `block`: like `channel`, but a token is a patch of d positions, as square as possible.
 * - `patch`: a token is all channels of a patch of d / c positions, as square as possible; patches row by
 *   row, and position-major (y, x, c) inside.
 */
import { RevqError } from "./errors.js";
import { latentSize, latentShapeToArray, type LatentShape } from "./latent-shape.js";

export type TokenSplit = "channel" | "spatial" | "block" | "patch";
/** `eigenvalue`: tokens are made by variance (eigenvalue allocation), not by position. */
export type CutSplit = TokenSplit | "eigenvalue";
export const tokenSplits = ["channel", "spatial", "block", "patch"] as const satisfies readonly TokenSplit[];

/**
 * Elements per token. Throws `tokens-do-not-divide` when T does not divide the latent.
 *
 * @example
 * tokenDimension({ channels: 8, height: 16, width: 16 }, 512); // => 4
 */
export function tokenDimension(shape: LatentShape, tokens: number): number {
  const size = latentSize(shape);
  if (!Number.isInteger(tokens) || tokens < 1 || size % tokens !== 0) {
    const near = divisors(size)
      .sort((a, b) => Math.abs(a - tokens) - Math.abs(b - tokens))
      .slice(0, 4);
    throw new RevqError(
      "tokens-do-not-divide",
      `${tokens} tokens do not divide the latent [${latentShapeToArray(shape)}] of ${size} elements.`,
      {
        fix: `Use a divisor of ${size}, such as ${near.sort((a, b) => a - b).join(", ")}.`,
        setting: { path: "quantizer.tokens" },
      },
    );
  }
  return size / tokens;
}

/**
 * The index in `[h, w, c]` of every element of `[t, d]`: a permutation of 0 .. c*h*w-1.
 *
 * @example
 * const shape = { channels: 2, height: 1, width: 3 };
 * tokenOrder(shape, 2, "channel"); // => [0, 2, 4, 1, 3, 5]
 * tokenOrder(shape, 3, "spatial"); // => [0, 1, 2, 3, 4, 5]
 */
export function tokenOrder(shape: LatentShape, tokens: number, split: TokenSplit): Int32Array {
  const { channels, height, width } = shape;
  const d = tokenDimension(shape, tokens);
  const indexOf = (c: number, y: number, x: number): number => (y * width + x) * channels + c;
  const order = new Int32Array(latentSize(shape));
  let next = 0;
  if (split === "spatial") {
    for (let i = 0; i < order.length; i++) order[i] = i;
  } else if (split === "patch") {
    const [rows, columns] = patchShape(shape, d);
    for (let top = 0; top < height; top += rows)
      for (let left = 0; left < width; left += columns)
        for (let y = top; y < top + rows; y++)
          for (let x = left; x < left + columns; x++)
            for (let c = 0; c < channels; c++) order[next++] = indexOf(c, y, x);
  } else {
    const [rows, columns] = split === "block" ? blockShape(shape, d) : [1, width];
    for (let c = 0; c < channels; c++)
      for (let top = 0; top < height; top += rows)
        for (let left = 0; left < width; left += columns)
          for (let y = top; y < top + rows; y++)
            for (let x = left; x < left + columns; x++) order[next++] = indexOf(c, y, x);
  }
  return order;
}

/**
 * The patch of d positions that is closest to a square and tiles the map, `[rows, columns]`. Throws
 * `no-block-fits`.
 */
export function blockShape(shape: LatentShape, d: number): [number, number] {
  let best: [number, number] | undefined;
  for (const rows of divisors(d)) {
    const columns = d / rows;
    const tiles = shape.height % rows === 0 && shape.width % columns === 0;
    if (tiles && (!best || Math.abs(rows - columns) < Math.abs(best[0] - best[1]))) best = [rows, columns];
  }
  if (!best) {
    throw new RevqError(
      "no-block-fits",
      `No block of ${d} positions tiles a map of ${shape.height} x ${shape.width}.`,
      {
        fix: "Use another number of tokens, or the split `channel`.",
      },
    );
  }
  return best;
}

/**
 * The positions of a token of d elements with the split `patch`, `[rows, columns]`. Throws
 * `no-patch-fits`.
 *
 * @example
 * patchShape({ channels: 8, height: 16, width: 16 }, 32); // => [2, 2]
 */
export function patchShape(shape: LatentShape, d: number): [number, number] {
  const { channels, height, width } = shape;
  const positions = d / channels;
  try {
    if (Number.isInteger(positions)) return blockShape(shape, positions);
  } catch {
    // no-block-fits
  }
  const most = height * width;
  const near = divisors(most).filter((tokens) => hasPatch(shape, most / tokens));
  throw new RevqError(
    "no-patch-fits",
    `Tokens of ${d} elements are not all ${channels} channels of a patch that tiles a map of ${height} x ${width}.`,
    { fix: `Use ${near.join(", ")} tokens, or another split.`, setting: { path: "quantizer.tokens" } },
  );
}

function hasPatch({ height, width }: LatentShape, positions: number): boolean {
  return divisors(positions).some((rows) => height % rows === 0 && width % (positions / rows) === 0);
}

/**
 * Throws `no-block-fits` or `no-patch-fits` unless tokens of d elements can be cut by this split.
 *
 * @example
 * requireSplitFits({ channels: 8, height: 16, width: 16 }, 32, "patch"); // => undefined
 */
export function requireSplitFits(shape: LatentShape, d: number, split: CutSplit | "auto"): void {
  if (split === "block") blockShape(shape, d);
  if (split === "patch") patchShape(shape, d);
}

export function divisors(value: number): number[] {
  const found: number[] = [];
  for (let i = 1; i <= value; i++) if (value % i === 0) found.push(i);
  return found;
}

/**
 * How an image becomes tokens. Token t picks one of `codebookSizes[groupOf[t]]` codes from the
 * codebook of its group.
 */
export interface TokenLayout {
  /** T: tokens per image. */
  readonly count: number;
  /** K of each group's codebook; its length is the number of groups. */
  readonly codebookSizes: readonly number[];
  /** The group of each token, `[T]`. */
  readonly groupOf: Int32Array;
  /** Where tokens come from. Absent: not told, so readers of ids know no positions. */
  readonly cut?: LatentCut | undefined;
}

/** How the coefficients of a latent are cut into vectors, and vectors become tokens. */
export interface LatentCut {
  /** The rule that cuts them into T / stages vectors. `eigenvalue`: block by block of the transform. */
  readonly split: CutSplit;
  /** Tokens of a vector. Token t is stage t % stages of vector floor(t / stages). */
  readonly stages: number;
}

/**
 * T tokens that choose from one codebook of K codes.
 *
 * @param split how latents are cut into tokens; `auto`: not decided
 *
 * @example
 * bitsPerImage(sharedTokenLayout(256, 1024)); // => 2560
 */
export function sharedTokenLayout(count: number, codebookSize: number, split?: CutSplit | "auto"): TokenLayout {
  const cut = split === undefined || split === "auto" ? {} : { cut: { split, stages: 1 } };
  return { count, codebookSizes: [codebookSize], groupOf: new Int32Array(count), ...cut };
}

/**
 * The maximum of information in the ids of one image: the sum of log2 K over the tokens.
 *
 * @example
 * const layout = { count: 3, codebookSizes: [1024, 16], groupOf: Int32Array.of(0, 1, 1) };
 * bitsPerImage(layout); // => 18
 */
export function bitsPerImage({ codebookSizes, groupOf }: TokenLayout): number {
  return groupOf.reduce((bits, group) => bits + Math.log2(codebookSizes[group]!), 0);
}

/**
 * The index of each group's first code in an array of all groups, `[G]`. In the form `groups` it is the
 * first id of the group.
 */
export function codebookOffsets({ codebookSizes }: Pick<TokenLayout, "codebookSizes">): Int32Array {
  const offsets = new Int32Array(codebookSizes.length);
  for (let g = 1; g < offsets.length; g++) offsets[g] = offsets[g - 1]! + codebookSizes[g - 1]!;
  return offsets;
}
