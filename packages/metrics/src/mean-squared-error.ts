/** Mean squared error, and PSNR which is made of it. Sums are float64 whatever the arrays are. */
import { MeanAccumulator } from "./mean-accumulator.js";
import { checkSameLength } from "./same-length.js";

type Values = Float32Array | Float64Array;

/** mean((a - b)^2) over all elements. Throws `metric-shape` when the lengths differ or are 0. */
export function meanSquaredError(a: Values, b: Values): number {
  checkSameLength("The mean squared error", a, b);
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = a[i]! - b[i]!;
    sum += difference * difference;
  }
  return sum / a.length;
}

/** Mean squared error per element between latents; standardised ones for the project's `latentMse`. Any one shape for both. */
export function latentMse(latents: Values, estimate: Values): number {
  return meanSquaredError(latents, estimate);
}

/** Mean squared error per element over many batches, each element with equal weight. */
export class MseAccumulator {
  readonly #mean = new MeanAccumulator();

  add(a: Values, b: Values): void {
    this.#mean.add(meanSquaredError(a, b), a.length);
  }

  /** Elements so far. */
  get elements(): number {
    return this.#mean.weight;
  }

  /** NaN before the first batch. */
  get mean(): number {
    return this.#mean.mean;
  }
}

/**
 * Peak signal-to-noise ratio of one image in dB, peak 1, over all pixels and channels: 10 log10(1 / mse). Any layout, the same for both;
 * values in [0, 1] (clamp first: `clamp01`). Identical images give Infinity.
 */
export function psnr(a: Values, b: Values): number {
  return -10 * Math.log10(meanSquaredError(a, b));
}

/** A copy with every value cut to [0, 1]; NaN stays NaN, so that it shows. */
export function clamp01(values: Float32Array): Float32Array {
  return values.map((value) => Math.min(1, Math.max(0, value)));
}

/** Images in [-1, 1], the range of backbones, to [0, 1], clamped. */
export function toUnitRange(values: Float32Array): Float32Array {
  return values.map((value) => Math.min(1, Math.max(0, (value + 1) / 2)));
}
