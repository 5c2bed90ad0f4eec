/** Counts code hits over many batches of ids. */
import { codebookOffsets, RevqError, type TokenLayout } from "@revq/core";
import type { SavedStatistics } from "@revq/numerics";
import { codebookUsage, groupPerplexity, measuredBitsPerImage } from "./code-statistics.js";

/**
 * Counts the hits of codes.
 *
 * @example
 * import { sharedTokenLayout } from "@revq/core";
 * const counter = new CodeCounter(sharedTokenLayout(2, 4)); // two tokens, four codes
 * counter.add(Int32Array.of(0, 1, 0, 1)); // ids of two images
 * counter.counts; // => [2, 2, 0, 0]
 * counter.usage; // => 0.5
 * counter.perplexity; // => 2
 * counter.bitsPerImage; // => 2
 */
export class CodeCounter {
  /** Hits so far, groups one after the other: `[sum(codebookSizes)]`. Updated in place. */
  readonly counts: Int32Array;
  readonly #layout: TokenLayout;
  readonly #offsets: Int32Array;
  #images = 0;

  constructor(layout: TokenLayout) {
    this.#layout = layout;
    const starts = codebookOffsets(layout);
    this.#offsets = layout.groupOf.map((group) => starts[group]!);
    this.counts = new Int32Array(layout.codebookSizes.reduce((sum, size) => sum + size, 0));
  }

  /**
   * Adds ids `[n, tokens]` int32. Throws `metric-shape` or `code-out-of-range`, and then adds none.
   */
  add(ids: Int32Array): void {
    const { count: tokens, codebookSizes, groupOf } = this.#layout;
    if (ids.length % tokens !== 0) {
      throw new RevqError("metric-shape", `${ids.length} ids are not a whole number of images of ${tokens} tokens.`);
    }
    for (let i = 0; i < ids.length; i++) {
      const limit = codebookSizes[groupOf[i % tokens]!]!;
      if (ids[i]! < 0 || ids[i]! >= limit) {
        throw new RevqError(
          "code-out-of-range",
          `Token ${i % tokens} of image ${Math.floor(i / tokens)} has id ${ids[i]}; its codebook has ${limit} codes.`,
        );
      }
    }
    for (let i = 0, token = 0; i < ids.length; i++) {
      this.counts[this.#offsets[token]! + ids[i]!]!++;
      if (++token === tokens) token = 0;
    }
    this.#images += ids.length / tokens;
  }

  /** Adds the state of another counter of the same codebooks. */
  merge({ counts, images }: SavedStatistics): void {
    if (counts!.length !== this.counts.length) {
      throw new RevqError("metric-shape", `Cannot merge counts of ${this.counts.length} and ${counts!.length} codes.`);
    }
    for (let i = 0; i < counts!.length; i++) this.counts[i]! += counts![i]!;
    this.#images += images![0]!;
  }

  state(): SavedStatistics {
    return { counts: Float64Array.from(this.counts), images: Float64Array.of(this.#images) };
  }

  /** Sets all counts to zero. */
  reset(): void {
    this.counts.fill(0);
    this.#images = 0;
  }

  get images(): number {
    return this.#images;
  }

  /**
   * Fraction of all codes with hits. Like the next two, it throws `no-codes` before the first
   * image.
   */
  get usage(): number {
    return codebookUsage(this.counts);
  }

  /** Mean over the groups of each group's perplexity. */
  get perplexity(): number {
    return groupPerplexity(this.counts, this.#layout);
  }

  /** The measured rate: the sum over the tokens of their groups' entropies. */
  get bitsPerImage(): number {
    return measuredBitsPerImage(this.counts, this.#layout);
  }
}
