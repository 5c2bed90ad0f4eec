/** Running means in float64. */
import type { SavedStatistics } from "@revq/numerics";

/**
 * A weighted mean: `add(value)` for one value, `add(mean, count)` for the mean of several.
 *
 * @example
 * const loss = new MeanAccumulator();
 * loss.add(1);
 * loss.add(4, 2);
 * loss.mean; // => 3
 */
export class MeanAccumulator {
  #sum = 0;
  #weight = 0;

  add(value: number, weight = 1): void {
    this.#sum += value * weight;
    this.#weight += weight;
  }

  /** Adds the state of another accumulator. */
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

  /** NaN before the first value. */
  get mean(): number {
    return this.#weight === 0 ? Number.NaN : this.#sum / this.#weight;
  }
}
