/** Latents in one array. */
import { latentShapeToArray, latentSize, RevqError, type LatentShape, type LatentSource } from "@revq/core";

/**
 * @param rows float32 `[n, h, w, c]`, borrowed, n >= 1
 * @throws RevqError `latents-shape` when the array does not hold a whole number of latents
 */
export function inMemoryLatents(shape: LatentShape, rows: Float32Array): LatentSource {
  const size = latentSize(shape);
  const count = rows.length / size;
  if (!(size > 0) || !Number.isInteger(count) || count === 0) {
    throw new RevqError(
      "latents-shape",
      `${rows.length} elements are not a whole number of latents [${latentShapeToArray(shape)}].`,
      { fix: "Give at least one latent, all of that shape." },
    );
  }
  return {
    shape,
    count,
    async read(indices) {
      const result = new Float32Array(indices.length * size);
      for (let i = 0; i < indices.length; i++) {
        const row = requireRow(indices[i]!, count);
        result.set(rows.subarray(row * size, (row + 1) * size), i * size);
      }
      return result;
    },
  };
}

/** Returns the index, or throws when there is no such row. */
export function requireRow(index: number, count: number): number {
  if (Number.isInteger(index) && index >= 0 && index < count) return index;
  throw new RangeError(`There is no latent ${index}: they are numbered 0 to ${count - 1}.`);
}
