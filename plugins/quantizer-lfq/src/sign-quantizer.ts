/**
 * One bit per element: an id holds the signs of a token's elements, and its code is their sign
 * times a scale.
 * - `element` (Yu et al., "Language model beats diffusion", arXiv 2310.05737): every element of a
 *   token has its scale.
 * - `sphere` (Zhao et al., "Image and video tokenization with binary spherical quantization", arXiv
 *   2406.07548): all share one, so codes are the corners of the cube in a sphere. The papers learn
 *   an encoder in front of it. Here it is frozen, and the scales are the least squares ones.
 */
import { latentSize, type LatentShape, type TransformLayout } from "@revq/core";
import { GridQuantizer, type CutSplit } from "@revq/plugin-kit";

export type SignScale = "element" | "sphere";

export interface SignSettings {
  /** Elements of a token. */
  readonly dim: number;
  readonly split: CutSplit;
  readonly scale: SignScale;
}

export class SignQuantizer extends GridQuantizer {
  constructor(shape: LatentShape, transform: TransformLayout, { dim, split, scale }: SignSettings) {
    super(shape, transform, {
      tokens: latentSize(shape) / dim,
      levels: new Array<number>(dim).fill(2),
      split,
      fitSteps: scale === "element" ? stepPerElement : stepOfSphere,
    });
  }
}

/**
 * Twice the mean magnitude of every element: the codes are +-half a step. @param tokens `[count,
 * d]`, flat
 */
export function stepPerElement(tokens: Float32Array, levels: readonly number[]): Float64Array {
  const dim = levels.length;
  const sums = new Float64Array(dim);
  tokens.forEach((value, i) => (sums[i % dim]! += Math.abs(value)));
  return sums.map((sum) => (2 * sum * dim) / tokens.length);
}

/**
 * The same step for all elements: the radius is its half times sqrt(d). @param tokens `[count, d]`,
 * flat
 */
export function stepOfSphere(tokens: Float32Array, levels: readonly number[]): Float64Array {
  const mean = tokens.reduce((sum, value) => sum + Math.abs(value), 0) / tokens.length;
  return new Float64Array(levels.length).fill(2 * mean);
}
