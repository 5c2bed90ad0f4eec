/**
 * Inception Score: exp of the mean divergence between a classifier's output for an image and its
 * mean output. Salimans et al., Improved techniques for training GANs, arXiv 1606.03498: the score
 * is the mean over ten parts of the images, in their order. A part of n images scores at most n, so
 * few images score low.
 */
import { RevqError } from "@revq/core";
import type { SavedStatistics } from "@revq/numerics";

/** As in the authors' code and in papers. */
const usualParts = 10;

/**
 * The Inception Score of images, from logits.
 *
 * @example
 * const score = new InceptionScoreAccumulator(2, 2, 1); // two classes, two images, one part
 * score.add(Float32Array.of(50, 0, 0, 50)); // two certain and different images
 * score.score.toFixed(3); // => "2.000"
 */
export class InceptionScoreAccumulator {
  count = 0;
  readonly #parts: Part[];
  readonly #expected: number;
  readonly #first: number;

  /**
   * @param expected number of all images: part i starts at image floor(i * expected / parts)
   * @param first index of the first image to be added, if others are counted elsewhere
   */
  constructor(
    readonly classes: number,
    expected: number,
    parts = usualParts,
    first = 0,
  ) {
    if (!Number.isSafeInteger(expected) || expected < 1 || !Number.isSafeInteger(parts) || parts < 1) {
      throw new RevqError("metric-shape", `Cannot cut ${expected} images into ${parts} parts: both must be 1 or more.`);
    }
    this.#expected = expected;
    this.#first = first;
    this.#parts = Array.from({ length: Math.min(parts, expected) }, () => new Part(classes));
  }

  /** Adds logits `[n, classes]`, before the softmax. */
  add(logits: Float32Array | Float64Array): void {
    if (logits.length % this.classes !== 0) {
      throw new RevqError(
        "metric-shape",
        `${logits.length} logits are not a whole number of images of ${this.classes}.`,
      );
    }
    for (let start = 0; start < logits.length; start += this.classes) {
      const image = this.#first + this.count;
      const at = Math.ceil(((image + 1) * this.#parts.length) / this.#expected) - 1;
      this.#parts[Math.min(at, this.#parts.length - 1)]!.add(
        Float64Array.from(logits.subarray(start, start + this.classes)),
      );
      this.count++;
    }
  }

  /** Adds the state of another accumulator with as many images, classes and parts. */
  merge({ sums, entropies, counts }: SavedStatistics): void {
    if (sums!.length !== this.#parts.length * this.classes) {
      throw new RevqError("metric-shape", "Cannot merge Inception Scores of other classes or parts.");
    }
    this.#parts.forEach((part, i) => {
      part.merge(sums!.subarray(i * this.classes, (i + 1) * this.classes), entropies![i]!, counts![i]!);
      this.count += counts![i]!;
    });
  }

  state(): SavedStatistics {
    const sums = new Float64Array(this.#parts.length * this.classes);
    this.#parts.forEach((part, i) => sums.set(part.sums, i * this.classes));
    return {
      sums,
      entropies: Float64Array.from(this.#parts, ({ negativeEntropies }) => negativeEntropies),
      counts: Float64Array.from(this.#parts, ({ count }) => count),
    };
  }

  /** From 1 (outputs all alike) to the number of classes. NaN before the first image. */
  get score(): number {
    const scores = this.#scores();
    return scores.reduce((sum, score) => sum + score, 0) / scores.length;
  }

  /** Standard deviation of the parts' scores, without sample correction. */
  get deviation(): number {
    const { score } = this;
    const scores = this.#scores();
    return Math.sqrt(scores.reduce((sum, each) => sum + (each - score) ** 2, 0) / scores.length);
  }

  /** Scores of the parts with images: there may be fewer images than expected. */
  #scores(): number[] {
    return this.#parts.filter(({ count }) => count > 0).map(({ score }) => score);
  }
}

class Part {
  count = 0;
  readonly sums: Float64Array;
  /** Sum over the images of sum p log p. */
  negativeEntropies = 0;

  constructor(readonly classes: number) {
    this.sums = new Float64Array(classes);
  }

  add(logits: Float64Array): void {
    const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
    const normalizer = Math.log(logits.reduce((sum, value) => sum + Math.exp(value - largest), 0)) + largest;
    for (let i = 0; i < this.classes; i++) {
      const logProbability = logits[i]! - normalizer;
      const probability = Math.exp(logProbability);
      this.sums[i]! += probability;
      if (probability > 0) this.negativeEntropies += probability * logProbability;
    }
    this.count++;
  }

  merge(sums: Float64Array, negativeEntropies: number, count: number): void {
    for (let i = 0; i < this.classes; i++) this.sums[i]! += sums[i]!;
    this.negativeEntropies += negativeEntropies;
    this.count += count;
  }

  get score(): number {
    const entropyOfMean = this.sums.reduce((sum, value) => {
      const mean = value / this.count;
      return mean > 0 ? sum - mean * Math.log(mean) : sum;
    }, 0);
    return Math.exp(this.negativeEntropies / this.count + entropyOfMean);
  }
}
