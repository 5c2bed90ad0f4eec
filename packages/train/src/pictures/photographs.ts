/** The photographs that latents were made of, with random access: what a decoder is adapted to. */
import { RevqError } from "@revq/core";
import type { IndexedImageSource } from "@revq/data";

/** A square part of one photograph, in pixels. */
export interface PhotographCrop {
  /** Index of the latent. */
  readonly row: number;
  readonly top: number;
  readonly left: number;
}

export interface Photographs {
  /** As many as there are latents. */
  readonly count: number;
  /** Side in pixels. */
  readonly size: number;
  /**
   * `[n, side, side, 3]` float32 in [-1, 1], flat. Throws `photograph-unreadable` when a file was
   * readable while latents were made, and is not any more.
   */
  crops(crops: readonly PhotographCrop[], side: number): Promise<Float32Array>;
}

/**
 * @param images that the latents were made of
 * @param skipped names of the images without a latent
 */
export function photographsOf(images: IndexedImageSource, skipped: readonly string[]): Photographs {
  const without = new Set(skipped);
  const indices = images.names.flatMap((name, index) => (without.has(name) ? [] : [index]));
  const { size } = images;
  return {
    count: indices.length,
    size,
    async crops(crops, side) {
      const read = images.select(crops.map(({ row }) => indices[row]!));
      const values = new Float32Array(crops.length * side * side * 3);
      let done = 0;
      for await (const { pixels, names } of read.batches(Math.max(1, crops.length))) {
        for (let i = 0; i < names.length; i++, done++) {
          const { top, left } = crops[done]!;
          for (let y = 0; y < side; y++) {
            const from = ((i * size + top + y) * size + left) * 3;
            values.set(pixels.subarray(from, from + side * 3), (done * side + y) * side * 3);
          }
        }
      }
      if (done < crops.length) throw unreadable(read);
      return values;
    },
  };
}

function unreadable({ skipped, description }: IndexedImageSource): RevqError {
  const [first] = skipped;
  return new RevqError(
    "photograph-unreadable",
    `${first?.name ?? "An image"} of ${description} cannot be read any more: ${first?.reason ?? "it is gone"}.`,
    { fix: "Restore the image and resume the run, or start a new run without it." },
  );
}
