/**
 * Finite scalar quantization (Mentzer et al., "Finite scalar quantization: VQ-VAE made simple",
 * arXiv 2309.15505). Every element of a token is rounded to one of a few evenly spaced levels. The
 * codebook is the grid of their combinations. The paper learns an encoder in front of it. Here the
 * encoder is frozen, and the spacings are fitted instead.
 */
import type { LatentShape, TransformLayout } from "@revq/core";
import { GridQuantizer, nearestLevel, type GridSettings } from "@revq/plugin-kit";

export class FsqQuantizer extends GridQuantizer {
  constructor(
    shape: LatentShape,
    transform: TransformLayout,
    settings: Pick<GridSettings, "tokens" | "levels" | "split">,
  ) {
    super(shape, transform, { ...settings, fitSteps });
  }
}

/** Values per element that a spacing is fitted on. */
const maxValues = 2 ** 14;
const refinements = 40;

/** The spacing of every element with the lowest squared error. @param tokens `[count, d]`, flat */
function fitSteps(tokens: Float32Array, levels: readonly number[]): Float64Array {
  const dim = levels.length;
  const count = tokens.length / dim;
  const stride = Math.max(1, Math.floor(count / maxValues));
  return Float64Array.from(levels, (level, element) => {
    const values: number[] = [];
    for (let token = 0; token < count; token += stride) values.push(tokens[token * dim + element]!);
    return bestStep(values, level);
  });
}

/**
 * Golden-section search. It assumes that the error has one minimum, as for a distribution with one
 * hump. The levels span from 0.2 to 12 standard deviations.
 */
export function bestStep(values: readonly number[], levels: number): number {
  if (levels === 1) return 1;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / Math.max(1, values.length)) || 1;
  const error = (step: number): number =>
    values.reduce(
      (sum, value) => sum + (value - (nearestLevel(value, step, levels) - (levels - 1) / 2) * step) ** 2,
      0,
    );
  let [low, high] = [(0.2 * deviation) / levels, (12 * deviation) / levels];
  const ratio = (Math.sqrt(5) - 1) / 2;
  for (let i = 0; i < refinements; i++) {
    const [left, right] = [high - ratio * (high - low), low + ratio * (high - low)];
    if (error(left) <= error(right)) high = right;
    else low = left;
  }
  return (low + high) / 2;
}
