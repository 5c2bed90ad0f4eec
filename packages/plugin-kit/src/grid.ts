/** The arithmetic of an even grid around zero. */

/**
 * K: points of the grid.
 *
 * @example
 * gridSize([8, 5, 5]); // => 200
 */
export function gridSize(levels: readonly number[]): number {
  return levels.reduce((product, count) => product * count, 1);
}

/** The nearest of `count` evenly spaced values around zero; of two equally near ones the upper. */
export function nearestLevel(value: number, step: number, count: number): number {
  return Math.max(0, Math.min(count - 1, Math.floor(value / step + count / 2)));
}
