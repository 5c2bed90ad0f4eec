/** The best path of an image (Viterbi), in plain TypeScript: what the kernel is compared with, and what runs without WebAssembly. */
import type { Path } from "./path.js";
import { rateClasses } from "./rates.js";
import { branchesOf, entryOf, states, windows } from "./tables.js";

/** Steps from one lowering of the costs to the next: float32 adds small numbers more exactly. */
const lowered = 16;

export interface Search {
  /**
   * The path of least error that starts in state 0. The sums are float32, in the same order everywhere: the
   * result is the same on every machine.
   *
   * @param values coefficients divided by their deviations, in the order of the path
   * @param weights squared deviations in that order; a step has that of its first coefficient
   * @param found gets window + 512 * branch of every step
   */
  find(values: Float32Array, weights: Float32Array, found: Int32Array): void;
  /** Takes other tables, `[tableSize]`. */
  load(tables: Float32Array): void;
}

export function plainSearch(path: Path): Search {
  let tables: Float32Array = new Float32Array(0);
  const back = new Uint8Array(path.steps * states);
  const metrics = new Float32Array(windows);
  const round = Math.fround;

  /** The nearest branch of a window, and its squared distance. */
  function nearest(step: number, values: Float32Array, window: number): { branch: number; distance: number } {
    const each = rateClasses[path.classOf[step]!]!;
    let [found, least] = [0, Infinity];
    for (let branch = 0; branch < branchesOf(each); branch++) {
      let distance = 0;
      for (let i = 0; i < each.vector; i++) {
        const entry = tables[entryOf(path.classOf[step]!, window, branch, i)]!;
        const difference = round(values[path.firstOf[step]! + i]! - entry);
        distance = round(distance + round(difference * difference));
      }
      if (distance < least) [found, least] = [branch, distance];
    }
    return { branch: found, distance: least };
  }

  return {
    load(given) {
      tables = given;
    },
    find(values, weights, found) {
      let costs = new Float32Array(states).fill(Infinity);
      let next = new Float32Array(states);
      costs[0] = 0;
      for (let step = 0; step < path.steps; step++) {
        const weight = weights[path.firstOf[step]!]!;
        for (let window = 0; window < windows; window++)
          metrics[window] = nearest(step, values, window).distance * weight;
        for (let state = 0; state < states; state++) {
          const [low, high] = [state, state + states];
          const one = round(costs[low >> 1]! + metrics[low]!);
          const other = round(costs[high >> 1]! + metrics[high]!);
          const isHigh = other < one;
          next[state] = isHigh ? other : one;
          back[step * states + state] = Number(isHigh);
        }
        if (step % lowered === lowered - 1) lower(next);
        [costs, next] = [next, costs];
      }
      let state = 0;
      for (let other = 1; other < states; other++) if (costs[other]! < costs[state]!) state = other;
      for (let step = path.steps - 1; step >= 0; step--) {
        const window = state + states * back[step * states + state]!;
        found[step] = window + windows * nearest(step, values, window).branch;
        state = window >> 1;
      }
    },
  };
}

/** Takes the least cost from all. */
function lower(costs: Float32Array): void {
  const least = costs.reduce((low, cost) => Math.min(low, cost));
  for (let state = 0; state < costs.length; state++) costs[state] = costs[state]! - least;
}
