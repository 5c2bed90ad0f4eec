/** SSIM of two planes: the means over all window positions, for SSIM and MS-SSIM. */
import { filterValid, windowSize } from "./gaussian-window.js";

/** (K1 L)^2 and (K2 L)^2 with K1 = .01, K2 = .03 and data range L = 1. */
const c1 = 0.01 ** 2;
const c2 = 0.03 ** 2;

export interface PlaneSimilarity {
  /** Mean of luminance x contrast x structure. */
  readonly ssim: number;
  /** Mean of contrast x structure alone. */
  readonly contrastStructure: number;
}

/**
 * a, b: `[height, width]` in [0, 1], both sides at least 11. Variances are weighted by the window,
 * without sample correction.
 */
export function planeSimilarity(a: Float64Array, b: Float64Array, height: number, width: number): PlaneSimilarity {
  const size = height * width;
  const squares = new Float64Array(size);
  const products = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    const x = a[i]!;
    const y = b[i]!;
    squares[i] = x * x + y * y; // SSIM needs only the sum of the two variances
    products[i] = x * y;
  }
  const positions = (height - windowSize + 1) * (width - windowSize + 1);
  const rows = new Float64Array(size);
  const filter = (plane: Float64Array): Float64Array => {
    const out = new Float64Array(positions);
    filterValid(plane, height, width, rows, out);
    return out;
  };
  const meanA = filter(a);
  const meanB = filter(b);
  const meanSquares = filter(squares);
  const meanProducts = filter(products);
  let ssim = 0;
  let contrastStructure = 0;
  for (let i = 0; i < positions; i++) {
    const x = meanA[i]!;
    const y = meanB[i]!;
    const meansSquared = x * x + y * y;
    const meansProduct = x * y;
    const cs = (2 * (meanProducts[i]! - meansProduct) + c2) / (meanSquares[i]! - meansSquared + c2);
    contrastStructure += cs;
    ssim += (cs * (2 * meansProduct + c1)) / (meansSquared + c1);
  }
  return { ssim: ssim / positions, contrastStructure: contrastStructure / positions };
}

/** One channel of an interleaved `[height, width, channels]` image as float64. */
export function planeOf(image: Float32Array | Float64Array, channels: number, channel: number): Float64Array {
  const plane = new Float64Array(image.length / channels);
  for (let i = 0, p = channel; i < plane.length; i++, p += channels) plane[i] = image[p]!;
  return plane;
}
