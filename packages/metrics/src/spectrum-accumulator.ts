/**
 * Variances of latents along nearly independent directions, from few samples: a 2-D DCT of every
 * channel, then the eigenvalues of the channels' covariance at each frequency. If the statistics
 * are the same at all positions, this is close to the full covariance (Jain: Fundamentals of
 * Digital Image Processing, 5.6). A hundred images suffice for a covariance of c x c, but not for
 * one of (c h w) x (c h w). Correlations between frequencies are ignored.
 */
import { RevqError } from "@revq/core";
import { symmetricEigen, type SavedStatistics } from "@revq/numerics";
import { CovarianceAccumulator } from "./covariance-accumulator.js";

export interface SpectrumShape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/**
 * Variances of latents by frequency.
 *
 * @example
 * const spectrum = new SpectrumAccumulator({ channels: 1, height: 1, width: 2 });
 * spectrum.add(Float32Array.of(1, 1, -1, -1)); // two constant latents
 * Array.from(spectrum.variances(), (value) => value.toFixed(3)); // => ["2.000", "0.000"]
 */
export class SpectrumAccumulator {
  readonly #frequencies: readonly CovarianceAccumulator[];
  readonly #rows: Float64Array;
  readonly #columns: Float64Array;

  constructor(readonly shape: SpectrumShape) {
    const { channels, height, width } = shape;
    this.#frequencies = Array.from({ length: height * width }, () => new CovarianceAccumulator(channels));
    this.#rows = dctMatrix(height);
    this.#columns = dctMatrix(width);
  }

  /** Latents so far. */
  get count(): number {
    return this.#frequencies[0]!.count;
  }

  /** Adds latents `[n, h, w, c]`, flat. */
  add(latents: Float32Array): void {
    const { channels, height, width } = this.shape;
    const size = channels * height * width;
    const n = latents.length / size;
    const transformed = new Float64Array(latents.length);
    for (let i = 0; i < n; i++) {
      const image = latents.subarray(i * size, (i + 1) * size);
      const across = transformRows(image, this.#rows, height, width * channels);
      const rowSize = width * channels;
      for (let y = 0; y < height; y++) {
        const row = across.subarray(y * rowSize, (y + 1) * rowSize);
        transformed.set(transformRows(row, this.#columns, width, channels), i * size + y * rowSize);
      }
    }
    const vectors = new Float64Array(n * channels);
    this.#frequencies.forEach((covariance, frequency) => {
      for (let i = 0; i < n; i++) {
        const start = i * size + frequency * channels;
        vectors.set(transformed.subarray(start, start + channels), i * channels);
      }
      covariance.add(vectors);
    });
  }

  /** Adds the state of another accumulator of the same shape. */
  merge({ count, means, scatters }: SavedStatistics): void {
    const { channels: c } = this.shape;
    if (means!.length !== this.#frequencies.length * c) {
      throw new RevqError("metric-shape", "Cannot merge spectra of latents of other shapes.");
    }
    this.#frequencies.forEach((covariance, i) => {
      const scatter = scatters!.subarray(i * c * c, (i + 1) * c * c);
      covariance.mergeState({ count: count!, mean: means!.subarray(i * c, (i + 1) * c), scatter });
    });
  }

  state(): SavedStatistics {
    const { channels: c } = this.shape;
    const means = new Float64Array(this.#frequencies.length * c);
    const scatters = new Float64Array(this.#frequencies.length * c * c);
    this.#frequencies.forEach((covariance, i) => {
      const { mean, scatter } = covariance.state();
      means.set(mean!, i * c);
      scatters.set(scatter!, i * c * c);
    });
    return { count: Float64Array.of(this.count), means, scatters };
  }

  /**
   * `[c h w]` variances, 0 or more, by frequency and then in descending order. Their sum is the
   * total variance of the latents.
   */
  variances(): Float64Array {
    const { channels } = this.shape;
    const all = this.#frequencies.map(
      (covariance) => symmetricEigen(covariance.covariance(), channels, { vectors: false }).values,
    );
    return Float64Array.from(
      all.flatMap((values) => [...values]),
      (value) => Math.max(0, value),
    );
  }
}

/** Orthonormal DCT-II, `[n, n]` row-major: row k is frequency k. */
function dctMatrix(n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, at) => {
    const [k, x] = [Math.floor(at / n), at % n];
    return Math.sqrt((k === 0 ? 1 : 2) / n) * Math.cos((Math.PI * (x + 0.5) * k) / n);
  });
}

/** matrix `[n, n]` times values `[n, width]`. */
function transformRows(
  values: Float32Array | Float64Array,
  matrix: Float64Array,
  n: number,
  width: number,
): Float64Array {
  const result = new Float64Array(n * width);
  for (let k = 0; k < n; k++) {
    const out = result.subarray(k * width, (k + 1) * width);
    for (let x = 0; x < n; x++) {
      const weight = matrix[k * n + x]!;
      for (let i = 0, at = x * width; i < width; i++, at++) out[i]! += weight * values[at]!;
    }
  }
  return result;
}
