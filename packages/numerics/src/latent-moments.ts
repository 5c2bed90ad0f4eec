/**
 * Mean and variance of every latent dimension, batch by batch, in float64. Batches are centred on
 * their own mean and merged (Chan, Golub, LeVeque: Updating formulae and a pairwise algorithm for
 * computing sample variances, 1979). So the statistics of several processes can be merged; only the
 * last digits may differ from those of one process.
 */
import { RevqError } from "@revq/core";

/** The state of an accumulator, for files. `merge` of an accumulator of the same kind takes it. */
export type SavedStatistics = Readonly<Record<string, Float64Array>>;

/**
 * Mean and variance of latents, from batches.
 *
 * @example
 * const moments = new LatentMoments(2);
 * moments.add(Float32Array.of(1, 10, 3, 10)); // two latents of two elements
 * moments.mean; // => [2, 10]
 * moments.squares; // => [2, 0]
 */
export class LatentMoments {
  /** Latents so far. */
  count = 0;
  /** `[dimensions]` */
  readonly mean: Float64Array;
  /** `[dimensions]`: sums of squared deviations from the mean. */
  readonly squares: Float64Array;

  constructor(readonly dimensions: number) {
    this.mean = new Float64Array(dimensions);
    this.squares = new Float64Array(dimensions);
  }

  /**
   * Adds latents `[n, dimensions]`, flat. Throws `latent-not-finite` and then adds none of them.
   */
  add(latents: Float32Array): void {
    const d = this.dimensions;
    const n = latents.length / d;
    if (n === 0) return;
    const mean = new Float64Array(d);
    for (let i = 0, j = 0; i < latents.length; i++) {
      mean[j]! += latents[i]!;
      if (++j === d) j = 0;
    }
    if (!mean.every(Number.isFinite)) this.refuse(latents);
    for (let j = 0; j < d; j++) mean[j]! /= n;
    const squares = new Float64Array(d);
    for (let i = 0, j = 0; i < latents.length; i++) {
      const deviation = latents[i]! - mean[j]!;
      squares[j]! += deviation * deviation;
      if (++j === d) j = 0;
    }
    this.merge({ count: Float64Array.of(n), mean, squares });
  }

  /** Adds the state of another one. */
  merge({ count, mean, squares }: SavedStatistics): void {
    const n = count![0]!;
    if (n === 0) return;
    const total = this.count + n;
    for (let j = 0; j < this.dimensions; j++) {
      const shift = mean![j]! - this.mean[j]!;
      this.squares[j]! += squares![j]! + shift * shift * ((this.count * n) / total);
      this.mean[j]! += (shift * n) / total;
    }
    this.count = total;
  }

  /** Borrowed. */
  state(): SavedStatistics {
    return { count: Float64Array.of(this.count), mean: this.mean, squares: this.squares };
  }

  private refuse(latents: Float32Array): never {
    const at = latents.findIndex((value) => !Number.isFinite(value));
    const [row, element] = [Math.floor(at / this.dimensions), at % this.dimensions];
    throw new RevqError("latent-not-finite", `Latent ${this.count + row} holds ${latents[at]} at element ${element}.`, {
      fix: "Check the backbone's weights and the images, or the file of the latents.",
    });
  }
}
