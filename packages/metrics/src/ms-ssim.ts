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
/** Side of the smallest image in pixels: its coarsest scale must still hold the window. */
export const msSsimMinSide = windowSize * 2 ** (scaleWeights.length - 1);

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
  return ssimAndMsSsim(a, b, height, width, channels).msSsim;
}

/**
 * `ssim` and `msSsim` of one image pair: the finest scale gives both, so this takes little more than
 * half their time. Throws what `msSsim` throws.
 *
 * @example
 * const image = Float32Array.from({ length: 176 * 176 }, (_, i) => (i % 7) / 7);
 * ssimAndMsSsim(image, image, 176, 176, 1).ssim.toFixed(4); // => "1.0000"
 */
export function ssimAndMsSsim(
  a: Float32Array | Float64Array,
  b: Float32Array | Float64Array,
  height: number,
  width: number,
  channels = 3,
): SsimAndMsSsim {
  checkSameLength("MS-SSIM", a, b);
  checkImage("MS-SSIM", a, height, width, channels);
  if (Math.min(height, width) < msSsimMinSide) {
    throw new RevqError(
      "ssim-too-small",
      `MS-SSIM needs images of at least ${msSsimMinSide} pixels a side; got ${height} x ${width}.`,
    );
  }
  const sum = { ssim: 0, msSsim: 0 };
  for (let channel = 0; channel < channels; channel++) {
    const { ssim, msSsim } = ofPlanes(planeOf(a, channels, channel), planeOf(b, channels, channel), height, width);
    sum.ssim += ssim;
    sum.msSsim += msSsim;
  }
  return { ssim: sum.ssim / channels, msSsim: sum.msSsim / channels };
}

export interface SsimAndMsSsim {
  /** In [-1, 1]. */
  readonly ssim: number;
  /** In [0, 1]. */
  readonly msSsim: number;
}

function ofPlanes(a: Float64Array, b: Float64Array, height: number, width: number): SsimAndMsSsim {
  const finest = planeSimilarity(a, b, height, width);
  let product = 1;
  let similarity = finest;
  scaleWeights.forEach((weight, scale) => {
    if (scale > 0) {
      a = halve(a, height, width);
      b = halve(b, height, width);
      height >>= 1;
      width >>= 1;
      similarity = planeSimilarity(a, b, height, width);
    }
    const coarsest = scale === scaleWeights.length - 1;
    product *= Math.max(0, coarsest ? similarity.ssim : similarity.contrastStructure) ** weight;
  });
  return { ssim: finest.ssim, msSsim: product };
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
