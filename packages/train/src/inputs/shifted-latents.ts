/**
 * Views of training latents for little data: every map shifted by a few positions. Blocks and tokens
 * then cut it elsewhere, which gives codebooks, transform and rectifier other samples of the same
 * images, without encoding anything. Positions that a shift leaves open mirror those next to them.
 */
import { latentSize, type LatentSource, type Random } from "@revq/core";
import type { RunConfig } from "../config/schema.js";

/** Fewer training images than this are augmented; with 800 the gain was gone (docs/results.md). */
const fewImages = 500;
/** Half of a block of 8 x 8, and never more than a quarter of the map. */
const maxShift = 4;

/** Whether training latents are augmented. */
export function isAugmented(
  { recipe, data: { augment } }: Pick<RunConfig, "recipe" | "data">,
  { shape, count }: Pick<LatentSource, "shape" | "count">,
): boolean {
  if (shiftsOf(shape.height) * shiftsOf(shape.width) === 1) return false;
  return augment === "auto" ? recipe === "kmeans" && count < fewImages : augment;
}

/**
 * The latents, and one shifted view of each: row i + count is a view of row i. The shifts are drawn
 * once and are never zero.
 */
export function withShiftedViews(latents: LatentSource, random: Random): LatentSource {
  const { shape, count } = latents;
  const { height, width, channels } = shape;
  const [rows, columns] = [shiftsOf(height), shiftsOf(width)];
  const zero = (rows * columns - 1) / 2;
  const shifts = Int32Array.from({ length: count }, () => {
    const shift = random.integer(rows * columns - 1);
    return shift < zero ? shift : shift + 1;
  });
  const size = latentSize(shape);

  /** A shifted copy of `map`, `[h, w, c]` flat. */
  function shifted(map: Float32Array, shift: number): Float32Array {
    const down = Math.floor(shift / columns) - (rows - 1) / 2;
    const right = (shift % columns) - (columns - 1) / 2;
    const result = new Float32Array(size);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const from = (mirrored(y + down, height) * width + mirrored(x + right, width)) * channels;
        result.set(map.subarray(from, from + channels), (y * width + x) * channels);
      }
    }
    return result;
  }

  return {
    shape,
    count: 2 * count,
    async read(indices) {
      const values = await latents.read(Array.from(indices, (index) => index % count));
      for (let i = 0; i < indices.length; i++) {
        if (indices[i]! < count) continue;
        values.set(shifted(values.subarray(i * size, (i + 1) * size), shifts[indices[i]! - count]!), i * size);
      }
      return values;
    },
  };
}

/** Number of shifts along a side, none included. */
function shiftsOf(side: number): number {
  return 2 * Math.min(maxShift, Math.floor(side / 4)) + 1;
}

/** An index of 0 .. side - 1, mirrored at both ends. */
function mirrored(index: number, side: number): number {
  const positive = Math.abs(index);
  return positive < side ? positive : 2 * side - 2 - positive;
}
