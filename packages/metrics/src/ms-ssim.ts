/**
 * Multi-scale SSIM. Wang, Simoncelli, Bovik: Multiscale structural similarity for image quality
 * assessment, Asilomar 2003. Conventions of the PyTorch implementations: 2 x 2 means between
 * scales, negative terms clamped to 0, mean of the channels' values.
 */
import { RevqError } from "@revq/core";
import { windowSize } from "./gaussian-window.js";
import { checkImage, checkSameLength } from "./same-length.js";
import { planeOf, planeSimilarity } from "./ssim-plane.js";

/** Exponents of the five scales, finest first (the paper's experiment); they sum to 1. */
const scaleWeights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333] as const;
/** The coarsest scale must still hold the window. */
const minSide = windowSize * 2 ** (scaleWeights.length - 1);

/**
 * MS-SSIM of one image pair, in [0, 1]. a, b: `[height, width, channels]` interleaved, values in
 * [0, 1]. The next scale leaves out the last row or column of an odd side. Throws `metric-shape`,
 * `ssim-too-small` below 176 pixels.
 *
 * @example
 * const image = Float32Array.from({ length: 176 * 176 }, (_, i) => (i % 7) / 7);
 * msSsim(image, image, 176, 176, 1).toFixed(4); // => "1.0000"
 */
export function msSsim(
  a: Float32Array | Float64Array,
  b: Float32Array | Float64Array,
  height: number,
  width: number,
  channels = 3,
): number {
  checkSameLength("MS-SSIM", a, b);
  checkImage("MS-SSIM", a, height, width, channels);
  if (Math.min(height, width) < minSide) {
    throw new RevqError(
      "ssim-too-small",
      `MS-SSIM needs images of at least ${minSide} pixels a side; got ${height} x ${width}.`,
    );
  }
  let sum = 0;
  for (let channel = 0; channel < channels; channel++) {
    sum += planeMsSsim(planeOf(a, channels, channel), planeOf(b, channels, channel), height, width);
  }
  return sum / channels;
}

function planeMsSsim(a: Float64Array, b: Float64Array, height: number, width: number): number {
  let product = 1;
  scaleWeights.forEach((weight, scale) => {
    const { ssim, contrastStructure } = planeSimilarity(a, b, height, width);
    const coarsest = scale === scaleWeights.length - 1;
    product *= Math.max(0, coarsest ? ssim : contrastStructure) ** weight;
    if (coarsest) return;
    a = halve(a, height, width);
    b = halve(b, height, width);
    height >>= 1;
    width >>= 1;
  });
  return product;
}

/** Means of 2 x 2 blocks. */
function halve(plane: Float64Array, height: number, width: number): Float64Array {
  const outHeight = height >> 1;
  const outWidth = width >> 1;
  const out = new Float64Array(outHeight * outWidth);
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) {
      const p = 2 * y * width + 2 * x;
      out[y * outWidth + x] = (plane[p]! + plane[p + 1]! + plane[p + width]! + plane[p + width + 1]!) / 4;
    }
  }
  return out;
}
