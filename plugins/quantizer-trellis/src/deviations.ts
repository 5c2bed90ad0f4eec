/** Standard deviations of the coefficients of a latent. */
import { latentSize, type LatentShape, type TransformLayout } from "@revq/core";

/** `[rows, columns, c]` of a block of the transform. */
export function blockShape(shape: LatentShape, { block, blocks }: TransformLayout): [number, number, number] {
  return [...block, latentSize(shape) / (blocks * block[0] * block[1])];
}

/** Of a block, from the variances that a transform measured. Coefficients that never vary have 0. */
export function deviationsOf(variances: Float64Array): Float32Array {
  return Float32Array.from(variances, Math.sqrt);
}

/** Of a block -> of a latent, `[h, w, c]`. */
export function tileDeviations(
  ofBlock: Float32Array,
  { height, width }: LatentShape,
  [rows, columns, channels]: readonly [number, number, number],
): Float32Array {
  const all = new Float32Array(height * width * channels);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = ((y % rows) * columns + (x % columns)) * channels;
      all.set(ofBlock.subarray(from, from + channels), (y * width + x) * channels);
    }
  return all;
}
