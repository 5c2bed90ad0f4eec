/** The levels of each element of a token. */
import { gridSize } from "@revq/plugin-kit/descriptor";

/**
 * The most even grid of at most `codes` points: the smallest level count grows by one while the
 * product allows it.
 */
export function levelsFor(dim: number, codes: number): number[] {
  const levels = new Array<number>(dim).fill(1);
  for (;;) {
    const lowest = Math.min(...levels);
    if ((gridSize(levels) / lowest) * (lowest + 1) > codes) return levels;
    levels[levels.indexOf(lowest)] = lowest + 1;
  }
}
