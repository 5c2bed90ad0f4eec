/** Counts code hits over many batches of ids. */
import { RevqError } from "@revq/core";
import { codebookUsage, groupPerplexity, measuredBitsPerImage } from "./code-statistics.js";

export interface CodeCounterOptions {
  /** Tokens of one image. */
  readonly tokens: number;
  /** Codebooks. */
  readonly groups: number;
  /** Codes of one codebook. */
  readonly codes: number;
  /** The group of a token; default token % groups. */
  readonly groupOf?: (token: number) => number;
}

export class CodeCounter {
  /** [groups, codes] hits so far; live. */
  readonly counts: Uint32Array;
  readonly #options: CodeCounterOptions;
  readonly #groups: Int32Array;
  #images = 0;

  constructor(options: CodeCounterOptions) {
    const { tokens, groups, codes } = options;
    const groupOf = options.groupOf ?? ((token: number) => token % groups);
    this.#options = options;
    this.#groups = Int32Array.from({ length: tokens }, (_, token) => groupOf(token));
    if (![tokens, groups, codes].every((size) => Number.isSafeInteger(size) && size > 0)) {
      throw new RevqError("metric-shape", `Cannot count ${tokens} tokens in ${groups} groups of ${codes} codes.`);
    }
    if (this.#groups.some((group) => group < 0 || group >= groups)) {
      throw new RevqError("metric-shape", `groupOf gives groups outside 0 to ${groups - 1}.`);
    }
    this.counts = new Uint32Array(groups * codes);
  }

  /** ids: [n, tokens] int32, each 0 to codes - 1. Throws `code-out-of-range`; then nothing of the batch was counted. */
  add(ids: Int32Array): void {
    const { tokens, codes } = this.#options;
    if (ids.length % tokens !== 0) {
      throw new RevqError("metric-shape", `${ids.length} ids are not a whole number of images of ${tokens} tokens.`);
    }
    for (let i = 0; i < ids.length; i++) {
      if (ids[i]! < 0 || ids[i]! >= codes) {
        throw new RevqError(
          "code-out-of-range",
          `Token ${i % tokens} of an image has id ${ids[i]}; the codebook has ${codes} codes.`,
        );
      }
    }
    for (let i = 0, token = 0; i < ids.length; i++) {
      this.counts[this.#groups[token]! * codes + ids[i]!]!++;
      if (++token === tokens) token = 0;
    }
    this.#images += ids.length / tokens;
  }

  get images(): number {
    return this.#images;
  }

  /** Fraction of all groups x codes that were hit. This and the next two throw `no-codes` before the first image. */
  get usage(): number {
    return codebookUsage(this.counts);
  }

  /** Mean over the groups. */
  get perplexity(): number {
    return groupPerplexity(this.counts, this.#options.groups);
  }

  /** Measured, not nominal: sum over the tokens of their groups' entropies. */
  get bitsPerImage(): number {
    const { groups, tokens } = this.#options;
    return measuredBitsPerImage(this.counts, groups, tokens, (token) => this.#groups[token]!);
  }
}
