/** Mean squared error and PSNR. Sums are float64 for all arrays. */
import { MeanAccumulator } from "./mean-accumulator.js";
import { checkSameLength } from "./same-length.js";

type Values = Float32Array | Float64Array;

/**
 * mean((a - b)^2) over all elements. Throws `metric-shape` when the lengths differ or are 0.
 *
 * @example
 * meanSquaredError(Float32Array.of(0, 2), Float32Array.of(1, 2)); // => 0.5
 */
export function meanSquaredError(a: Values, b: Values): number {
  checkSameLength("The mean squared error", a, b);
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = a[i]! - b[i]!;
    sum += difference * difference;
  }
  return sum / a.length;
}

/**
 * Mean squared error over many batches; all elements have the same weight.
 *
 * @example
 * const error = new MseAccumulator();
 * error.add(Float32Array.of(0, 0, 0), Float32Array.of(1, 1, 1));
 * error.add(Float32Array.of(0), Float32Array.of(3));
 * error.mean; // => 3
 */
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
 * Peak signal-to-noise ratio of one image in dB, peak 1, over all pixels and channels:
 * 10 log10(1 / mse). Both images have the same layout and values in [0, 1] (see `clamp01`).
 * Identical images give Infinity.
 *
 * @example
 * const image = new Float32Array(192).fill(0.5);
 * const noisy = image.map((value, i) => value + (i % 2 ? 0.1 : -0.1));
 * psnr(image, noisy).toFixed(1); // => "20.0"
 * psnr(image, image); // => Infinity
 */
export function psnr(a: Values, b: Values): number {
  return -10 * Math.log10(meanSquaredError(a, b));
}

/**
 * A copy with values clamped to [0, 1]. NaN stays NaN.
 *
 * @example
 * clamp01(Float32Array.of(-1, 0.25, 2)); // => [0, 0.25, 1]
 */
export function clamp01(values: Float32Array): Float32Array {
  return values.map((value) => Math.min(1, Math.max(0, value)));
}

/**
 * Values in [-1, 1], the range of backbones, to [0, 1]; clamped.
 *
 * @example
 * toUnitRange(Float32Array.of(-1, 0, 1.5)); // => [0, 0.5, 1]
 */
export function toUnitRange(values: Float32Array): Float32Array {
  const result = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) result[i] = Math.min(1, Math.max(0, (values[i]! + 1) / 2));
  return result;
}
