/** The window of SSIM: 11 taps of a Gaussian of sigma 1.5, applied without padding ("valid"). */

export const windowSize = 11;
const sigma = 1.5;
const radius = (windowSize - 1) / 2;

const taps = (() => {
  const weights = Float64Array.from({ length: windowSize }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma * sigma)),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
})();
// The window is symmetric. Six constants, so that loops keep them in registers.
const [t0, t1, t2, t3, t4, t5] = taps as unknown as [number, number, number, number, number, number];

/**
 * Filters a plane `[height, width]` to `out` `[height - 10, width - 10]`. `rows` is scratch of at
 * least height * (width - 10).
 */
export function filterValid(
  plane: Float64Array,
  height: number,
  width: number,
  rows: Float64Array,
  out: Float64Array,
): void {
  const outWidth = width - windowSize + 1;
  const outHeight = height - windowSize + 1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < outWidth; x++) {
      const p = y * width + x;
      rows[y * outWidth + x] =
        t0 * (plane[p]! + plane[p + 10]!) +
        t1 * (plane[p + 1]! + plane[p + 9]!) +
        t2 * (plane[p + 2]! + plane[p + 8]!) +
        t3 * (plane[p + 3]! + plane[p + 7]!) +
        t4 * (plane[p + 4]! + plane[p + 6]!) +
        t5 * plane[p + 5]!;
    }
  }
  const w = outWidth;
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < w; x++) {
      const p = y * w + x;
      out[p] =
        t0 * (rows[p]! + rows[p + 10 * w]!) +
        t1 * (rows[p + w]! + rows[p + 9 * w]!) +
        t2 * (rows[p + 2 * w]! + rows[p + 8 * w]!) +
        t3 * (rows[p + 3 * w]! + rows[p + 7 * w]!) +
        t4 * (rows[p + 4 * w]! + rows[p + 6 * w]!) +
        t5 * rows[p + 5 * w]!;
    }
  }
}
