/**
 * Structural similarity. Wang, Bovik, Sheikh, Simoncelli: Image Quality Assessment: From Error
 * Visibility to Structural Similarity, IEEE TIP 2004. `ms-ssim.ts` is the multi-scale version.
 */
import { RevqError } from "@revq/core";
import { windowSize } from "./gaussian-window.js";
import { checkImage, checkSameLength } from "./same-length.js";
import { planeOf, planeSimilarity } from "./ssim-plane.js";

/** Side of the smallest image in pixels: the window's. */
export const ssimMinSide = windowSize;

/**
 * Mean SSIM of one image pair, in [-1, 1]: 11 x 11 Gaussian of sigma 1.5 without padding, K1 .01,
 * K2 .03, data range 1, mean of the channels. a, b: `[height, width, channels]` interleaved, values
 * in [0, 1]. Equals scikit-image's `structural_similarity(gaussian_weights=True, sigma=1.5,
 * use_sample_covariance=False, data_range=1)`. Throws `metric-shape`, `ssim-too-small` below 11
 * pixels.
 *
 * @example
 * const image = Float32Array.from({ length: 16 * 16 * 3 }, (_, i) => (i % 7) / 7);
 * ssim(image, image, 16, 16).toFixed(4); // => "1.0000"
 * ssim(image, image.map((value) => 1 - value), 16, 16) < 0; // => true
 */
export function ssim(
  a: Float32Array | Float64Array,
  b: Float32Array | Float64Array,
  height: number,
  width: number,
  channels = 3,
): number {
  checkSameLength("SSIM", a, b);
  checkImage("SSIM", a, height, width, channels);
  if (Math.min(height, width) < ssimMinSide) {
    throw new RevqError(
      "ssim-too-small",
      `SSIM needs images of at least ${ssimMinSide} pixels a side; got ${height} x ${width}.`,
    );
  }
  let sum = 0;
  for (let channel = 0; channel < channels; channel++) {
    sum += planeSimilarity(planeOf(a, channels, channel), planeOf(b, channels, channel), height, width).ssim;
  }
  return sum / channels;
}
