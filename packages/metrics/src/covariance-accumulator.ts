/**
 * Mean and covariance of batches of vectors, in float64. Each batch is centred on its own mean and
 * merged (Chan, Golub, LeVeque: Updating formulae and a pairwise algorithm for computing sample
 * variances, 1979), so a large mean costs no digits.
 */
import { RevqError } from "@revq/core";
import type { SavedStatistics } from "@revq/numerics";

/**
 * Mean and covariance of vectors.
 *
 * @example
 * const statistics = new CovarianceAccumulator(2);
 * statistics.add(Float32Array.of(0, 0, 2, 4)); // two vectors
 * statistics.mean; // => [1, 2]
 * statistics.covariance(); // => [1, 2, 2, 4]
 */
export class CovarianceAccumulator {
  /** Vectors so far. */
  count = 0;
  /** `[dimensions]` */
  readonly mean: Float64Array;
  /** `[dimensions, dimensions]` row-major, lower triangle: sum of (x - mean)(x - mean)^T. */
  readonly #scatter: Float64Array;

  constructor(readonly dimensions: number) {
    this.mean = new Float64Array(dimensions);
    this.#scatter = new Float64Array(dimensions * dimensions);
  }

  /** Adds vectors `[n, dimensions]`, row-major. O(n d^2). */
  add(vectors: Float32Array | Float64Array): void {
    const d = this.dimensions;
    if (vectors.length % d !== 0) {
      throw new RevqError("metric-shape", `${vectors.length} values are not a whole number of vectors of ${d}.`);
    }
    const n = vectors.length / d;
    if (n === 0) return;
    const mean = new Float64Array(d);
    for (let i = 0, j = 0; i < vectors.length; i++) {
      mean[j]! += vectors[i]!;
      if (++j === d) j = 0;
    }
    for (let j = 0; j < d; j++) mean[j]! /= n;
    this.#merge(n, mean);
    // Four vectors at a time: memory traffic is the scatter matrix.
    const centred = new Float64Array(4 * d);
    for (let start = 0; start < n; start += 4) {
      const rows = Math.min(4, n - start);
      for (let r = 0; r < 4; r++) {
        for (let j = 0; j < d; j++) centred[r * d + j] = r < rows ? vectors[(start + r) * d + j]! - mean[j]! : 0;
      }
      addScatter(this.#scatter, centred, d);
    }
  }

  /** Adds the vectors of another accumulator. `other` may be this one. */
  merge(other: CovarianceAccumulator): void {
    const { scatter, ...rest } = other.state();
    this.mergeState({ ...rest, scatter: scatter!.slice() });
  }

  /** Adds the state of another accumulator with as many dimensions. */
  mergeState({ count, mean, scatter }: SavedStatistics): void {
    if (mean!.length !== this.dimensions) {
      throw new RevqError(
        "metric-shape",
        `Cannot merge covariances of ${this.dimensions} and ${mean!.length} dimensions.`,
      );
    }
    if (count![0] === 0) return;
    this.#merge(count![0]!, mean!.slice());
    for (let i = 0; i < scatter!.length; i++) this.#scatter[i]! += scatter![i]!;
  }

  /** Borrowed. */
  state(): SavedStatistics {
    return { count: Float64Array.of(this.count), mean: this.mean, scatter: this.#scatter };
  }

  /**
   * `[dimensions, dimensions]`, symmetric. Divided by the count, as all variances in revq.
   * `correction: 1` divides by count - 1, as numpy.cov does by default. Throws `covariance-too-few`
   * with too few vectors.
   */
  covariance(options: { readonly correction?: 0 | 1 } = {}): Float64Array {
    const divisor = this.count - (options.correction ?? 0);
    if (divisor < 1) throw new RevqError("covariance-too-few", `The covariance of ${this.count} vectors is undefined.`);
    const d = this.dimensions;
    const result = new Float64Array(d * d);
    for (let i = 0; i < d; i++) {
      for (let j = 0; j <= i; j++) result[i * d + j] = result[j * d + i] = this.#scatter[i * d + j]! / divisor;
    }
    return result;
  }

  /** Adds `n` vectors with that mean. The caller adds their own scatter. */
  #merge(n: number, mean: Float64Array): void {
    const d = this.dimensions;
    const total = this.count + n;
    const weight = (this.count * n) / total;
    const shift = mean.map((value, j) => value - this.mean[j]!);
    if (weight > 0) {
      for (let i = 0; i < d; i++) {
        const scaled = weight * shift[i]!;
        for (let j = 0; j <= i; j++) this.#scatter[i * d + j]! += scaled * shift[j]!;
      }
    }
    for (let j = 0; j < d; j++) this.mean[j]! += (shift[j]! * n) / total;
    this.count = total;
  }
}

/** scatter += sum of x x^T over the four rows, lower triangle. */
function addScatter(scatter: Float64Array, rows: Float64Array, d: number): void {
  for (let i = 0; i < d; i++) {
    const a = rows[i]!;
    const b = rows[d + i]!;
    const c = rows[2 * d + i]!;
    const e = rows[3 * d + i]!;
    const row = i * d;
    for (let j = 0; j <= i; j++) {
      scatter[row + j]! += a * rows[j]! + b * rows[d + j]! + c * rows[2 * d + j]! + e * rows[3 * d + j]!;
    }
  }
}
