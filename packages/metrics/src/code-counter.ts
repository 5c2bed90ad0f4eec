/** Counts code hits over many batches of ids. */
import { codebookOffsets, RevqError, type TokenSpec } from "@revq/core";
import type { SavedStatistics } from "@revq/numerics";
import { codebookUsage, groupPerplexity, measuredBitsPerImage } from "./code-statistics.js";

export class CodeCounter {
  /** Hits so far, groups one after the other: [sum of tokens.codes]; live. What `endOfEpoch` takes. */
  readonly counts: Int32Array;
  readonly #tokens: TokenSpec;
  readonly #offsets: Int32Array;
  #images = 0;

  constructor(tokens: TokenSpec) {
    this.#tokens = tokens;
    const starts = codebookOffsets(tokens);
    this.#offsets = tokens.groupOf.map((group) => starts[group]!);
    this.counts = new Int32Array(tokens.codes.reduce((sum, codes) => sum + codes, 0));
  }

  /** ids: [n, tokens] int32. Throws `metric-shape`, or `code-out-of-range` and then nothing of the batch is counted. */
  add(ids: Int32Array): void {
    const { tokens, codes, groupOf } = this.#tokens;
    if (ids.length % tokens !== 0) {
      throw new RevqError("metric-shape", `${ids.length} ids are not a whole number of images of ${tokens} tokens.`);
    }
    for (let i = 0; i < ids.length; i++) {
      const limit = codes[groupOf[i % tokens]!]!;
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

  /** Adds the hits of another counter of the same codebooks: its `state`. */
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

  /** Starts again from zero. */
  reset(): void {
    this.counts.fill(0);
    this.#images = 0;
  }

  get images(): number {
    return this.#images;
  }

  /** Fraction of the codes of all groups that were hit. This and the next two throw `no-codes` before the first image. */
  get usage(): number {
    return codebookUsage(this.counts);
  }

  /** Mean over the groups of each group's perplexity. */
  get perplexity(): number {
    return groupPerplexity(this.counts, this.#tokens);
  }

  /** Measured, not nominal: the sum over the tokens of their groups' entropies. */
  get bitsPerImage(): number {
    return measuredBitsPerImage(this.counts, this.#tokens);
  }
}
