/** How many values each number of a token gets. */
import { gridSize } from "@revq/plugin-kit";

/** The most even grid of at most `codes` points: the smallest number of levels grows by one as long as the product allows it. */
export function levelsFor(dim: number, codes: number): number[] {
  const levels = new Array<number>(dim).fill(1);
  for (;;) {
    const least = Math.min(...levels);
    const place = levels.indexOf(least);
    if ((gridSize(levels) / least) * (least + 1) > codes) return levels;
    levels[place] = least + 1;
  }
}
