/**
 * Inception Score: exp of the mean divergence between a classifier's answer for an image and its mean answer. Salimans et al., Improved
 * techniques for training GANs, arXiv 1606.03498. Over all images at once; the ten parts that are usual in papers lower it when images are few.
 */
import { RevqError } from "@revq/core";

export class InceptionScoreAccumulator {
  count = 0;
  readonly #sums: Float64Array;
  /** Sum over the images of sum p log p. */
  #negativeEntropies = 0;

  constructor(readonly classes: number) {
    this.#sums = new Float64Array(classes);
  }

  /** logits: [n, classes], before the softmax. */
  add(logits: Float32Array | Float64Array): void {
    if (logits.length % this.classes !== 0) {
      throw new RevqError(
        "metric-shape",
        `${logits.length} logits are not a whole number of images of ${this.classes}.`,
      );
    }
    for (let start = 0; start < logits.length; start += this.classes) {
      const row = Float64Array.from(logits.subarray(start, start + this.classes));
      const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
      const normalizer = Math.log(row.reduce((sum, value) => sum + Math.exp(value - largest), 0)) + largest;
      for (let i = 0; i < this.classes; i++) {
        const logProbability = row[i]! - normalizer;
        const probability = Math.exp(logProbability);
        this.#sums[i]! += probability;
        if (probability > 0) this.#negativeEntropies += probability * logProbability;
      }
      this.count++;
    }
  }

  /** Adds what another has seen. */
  merge(other: InceptionScoreAccumulator): void {
    if (other.classes !== this.classes) {
      throw new RevqError("metric-shape", `Cannot merge scores of ${this.classes} and ${other.classes} classes.`);
    }
    for (let i = 0; i < this.classes; i++) this.#sums[i]! += other.#sums[i]!;
    this.#negativeEntropies += other.#negativeEntropies;
    this.count += other.count;
  }

  /** From 1 (all alike, or none certain) to the number of classes. NaN before the first image. */
  get score(): number {
    const entropyOfMean = this.#sums.reduce((sum, value) => {
      const mean = value / this.count;
      return mean > 0 ? sum - mean * Math.log(mean) : sum;
    }, 0);
    return Math.exp(this.#negativeEntropies / this.count + entropyOfMean);
  }
}
