/** The spacing that makes an even grid fit the data best, for every place in a token. */
import { nearestLevel } from "@revq/plugin-kit";

/** Values that a place is fitted on. */
const mostValues = 2 ** 14;
const refinements = 40;

/** @param tokens `[count, d]`, flat */
export function fitSteps(tokens: Float32Array, levels: readonly number[]): Float64Array {
  const dim = levels.length;
  const count = tokens.length / dim;
  const stride = Math.max(1, Math.floor(count / mostValues));
  return Float64Array.from(levels, (level, place) => {
    const values: number[] = [];
    for (let token = 0; token < count; token += stride) values.push(tokens[token * dim + place]!);
    return bestStep(values, level);
  });
}

/** Golden-section search between a tenth of an even split of +-1 deviation and all of +-6: the error has one minimum for one hump. */
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
