/** Random square crops of latents, and of the pictures that belong to them. */
import type { Disposable, LatentShape, Random } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";

/** A crop of one latent, in positions. */
export interface LatentCrop {
  /** Index of the latent. */
  readonly row: number;
  readonly top: number;
  readonly left: number;
}

/** Crops of different latents, anywhere in them; fewer than `batch` where there are fewer latents. */
export function drawCrops(
  random: Random,
  samples: number,
  { height, width }: LatentShape,
  { batch, side }: { readonly batch: number; readonly side: number },
): LatentCrop[] {
  return Array.from(random.sample(samples, Math.min(batch, samples)), (row) => ({
    row,
    top: random.integer(height - side + 1),
    left: random.integer(width - side + 1),
  }));
}

export interface Cropper extends Disposable {
  /** x `[n, h, w, c]`, a row for each crop -> `[n, side, side, c]`; differentiable. */
  crop(x: Tensor4D): Tensor4D;
}

/**
 * Where the crops lie is data, as matrices that select rows and columns: an engine that compiles
 * equal steps once does not compile them anew for every crop.
 */
export function createCropper(crops: readonly LatentCrop[], { height, width }: LatentShape, side: number): Cropper {
  if (side === height && side === width) return { crop: (x) => tf.clone(x), dispose: () => {} };
  const n = crops.length;
  const rows = new Float32Array(n * side * height);
  const columns = new Float32Array(n * side * side * width);
  crops.forEach(({ top, left }, i) => {
    for (let y = 0; y < side; y++) {
      rows[(i * side + y) * height + top + y] = 1;
      for (let x = 0; x < side; x++) columns[((i * side + y) * side + x) * width + left + x] = 1;
    }
  });
  const selectRows: Tensor3D = tf.tensor3d(rows, [n, side, height]);
  const selectColumns: Tensor3D = tf.tensor3d(columns, [n * side, side, width]);
  return {
    crop: (x) =>
      tf.tidy(() => {
        const channels = x.shape[3];
        const cut = tf.matMul<Tensor3D>(selectRows, tf.reshape(x, [n, height, width * channels]));
        const both = tf.matMul<Tensor3D>(selectColumns, tf.reshape(cut, [n * side, width, channels]));
        return tf.reshape<tf.Rank.R4>(both, [n, side, side, channels]);
      }),
    dispose: () => tf.dispose([selectRows, selectColumns]),
  };
}
