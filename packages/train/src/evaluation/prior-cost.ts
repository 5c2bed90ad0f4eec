/** What ids cost to model, and the images that it is measured on: a sample of bounded size. */
import type { TokenLayout } from "@revq/core";
import { priorBitsByHalves, type PriorGrid, type TokenPrior } from "@revq/metrics";
import type { SavedStatistics } from "@revq/numerics";
import type { PriorCost } from "../run/records.js";
import type { MeasuredRange } from "./image-accumulator.js";

/** Tokens that a prior is fitted on or scored on, at most: 1,024 images of 1,024 tokens. */
export const maxPriorTokens = 2 ** 20;

/** Chooses rows evenly over the data, as many as have `maxPriorTokens` together. */
export class EvenRows {
  readonly #limit: number;
  #next: number;

  constructor(
    tokens: number,
    private readonly range: MeasuredRange,
  ) {
    this.#limit = Math.max(2, Math.floor(maxPriorTokens / tokens));
    this.#next = range.first;
  }

  /** Whether the next row is chosen. */
  takes(): boolean {
    const { expected } = this.range;
    const row = this.#next++;
    if (expected <= this.#limit) return true;
    return Math.floor(((row + 1) * this.#limit) / expected) > Math.floor((row * this.#limit) / expected);
  }
}

/** Keeps the ids of chosen images. */
export class IdSample {
  readonly #rows: EvenRows;
  #kept: Int32Array[] = [];

  constructor(
    private readonly layout: TokenLayout,
    range: MeasuredRange,
  ) {
    this.#rows = new EvenRows(layout.count, range);
  }

  /** @param ids of the next images, `[n, T]` flat */
  add(ids: Int32Array): void {
    const { count } = this.layout;
    for (let start = 0; start < ids.length; start += count) {
      if (this.#rows.takes()) this.#kept.push(ids.slice(start, start + count));
    }
  }

  /** Adds the images of a later range. */
  merge({ ids }: SavedStatistics): void {
    if (ids!.length > 0) this.#kept.push(Int32Array.from(ids!));
  }

  state(): SavedStatistics {
    return { ids: Float64Array.from(this.#joined()) };
  }

  /**
   * Null for a single image without a prior.
   *
   * @param prior of the training ids. Null: one half of the images is coded by a prior of the other
   */
  cost(prior: TokenPrior | null, grid: PriorGrid | null): PriorCost | null {
    const { layout } = this;
    const ids = this.#joined();
    const images = ids.length / layout.count;
    const bits = prior
      ? prior.bitsOf(ids).reduce((sum, each) => sum + each, 0) / images
      : priorBitsByHalves(ids, layout, grid);
    if (bits === null) return null;
    return {
      bitsPerToken: bits / layout.count,
      bitsPerImage: bits,
      fittedOn: prior ? "training" : "halves",
      fittedImages: prior ? prior.images : Math.floor(images / 2),
    };
  }

  #joined(): Int32Array {
    const all = new Int32Array(this.#kept.reduce((sum, part) => sum + part.length, 0));
    let filled = 0;
    for (const part of this.#kept) {
      all.set(part, filled);
      filled += part.length;
    }
    return all;
  }
}
