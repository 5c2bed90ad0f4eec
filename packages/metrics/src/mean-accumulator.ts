/** Running means in float64, for numbers that come batch by batch. */
import type { SavedStatistics } from "@revq/numerics";

/** A weighted mean. An example a weight of 1: `add(value)`; a batch's mean: `add(mean, samples)`. */
export class MeanAccumulator {
  #sum = 0;
  #weight = 0;

  add(value: number, weight = 1): void {
    this.#sum += value * weight;
    this.#weight += weight;
  }

  /** Adds what another one has seen: its `state`. */
  merge({ sum, weight }: SavedStatistics): void {
    this.#sum += sum![0]!;
    this.#weight += weight![0]!;
  }

  state(): SavedStatistics {
    return { sum: Float64Array.of(this.#sum), weight: Float64Array.of(this.#weight) };
  }

  /** Sum of the weights so far. */
  get weight(): number {
    return this.#weight;
  }

  /** NaN before the first value: nothing was measured. */
  get mean(): number {
    return this.#weight === 0 ? Number.NaN : this.#sum / this.#weight;
  }
}
