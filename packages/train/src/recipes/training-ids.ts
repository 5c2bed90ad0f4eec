/** What is learned from the ids of the training latents once the codebooks are fixed. */
import type { TokenLayout } from "@revq/core";
import { CodeCounter, TokenPrior, type PriorGrid } from "@revq/metrics";
import { EvenRows } from "../evaluation/prior-cost.js";

export class TrainingIds {
  /** Hits of every code. */
  readonly counts: CodeCounter;
  /** What the ids cost to model. It learns a sample of the latents. */
  readonly prior: TokenPrior;
  readonly #rows: EvenRows;

  /** @param expected latents that will be added */
  constructor(
    private readonly layout: TokenLayout,
    grid: PriorGrid | null,
    expected: number,
  ) {
    this.counts = new CodeCounter(layout);
    this.prior = new TokenPrior(layout, grid);
    this.#rows = new EvenRows(layout.count, { expected, first: 0 });
  }

  /** @param ids of the next latents, `[n, T]` flat */
  add(ids: Int32Array): void {
    this.counts.add(ids);
    const { count } = this.layout;
    for (let start = 0; start < ids.length; start += count) {
      if (this.#rows.takes()) this.prior.learn(ids.subarray(start, start + count));
    }
  }
}
