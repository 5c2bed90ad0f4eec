/**
 * Mean and variance of every latent dimension, batch by batch, in float64. Batches are centred on their own mean and merged (Chan, Golub,
 * LeVeque: Updating formulae and a pairwise algorithm for computing sample variances, 1979), so parts that several processes have
 * measured join to what one process would have measured, but for the last digits.
 */
import { RevqError } from "@revq/core";

/** What an accumulator has seen, as it is written to a file; `merge` of the same kind of accumulator takes it in. */
export type SavedStatistics = Readonly<Record<string, Float64Array>>;

export class LatentMoments {
  /** Latents so far. */
  count = 0;
  /** [dimensions] */
  readonly mean: Float64Array;
  /** `[dimensions]`: sums of squared deviations from the mean. */
  readonly squares: Float64Array;

  constructor(readonly dimensions: number) {
    this.mean = new Float64Array(dimensions);
    this.squares = new Float64Array(dimensions);
  }

  /** latents `[n, dimensions]`, flat. Throws `latent-not-finite`, and then nothing of the batch is counted. */
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

  /** Adds what another one has seen. */
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
      fix: "Check the backbone's weights and the images, or the .npy file that the latents came from.",
    });
  }
}
