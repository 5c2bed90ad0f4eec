/** The procedural image of tools/golden/resize.py: ramps, edges and high frequencies. */
import type { RgbImage } from "@revq/data";

export function procedural(width: number, height: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  let i = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) {
        const fine = (x * x * 3 + y * y * 5 + x * y * 7 * (c + 1) + 31 * c) % 256;
        const coarse = ((x >> 3) + (y >> 3) + c) % 2 ? 255 : (x * 4 + y * 2) % 256;
        data[i++] = (x + 2 * y) % 64 < 24 ? fine : coarse;
      }
    }
  }
  return { width, height, data };
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} values against ${b.length}`);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}
