/** Blocks of neighbouring positions of a latent: where their elements lie, and cutting and joining them as tensors. */
import { latentSize, type LatentShape, type TransformLayout } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";

/** Where every element of every block lies in `[h, w, c]`: `[blocks, rows * columns, c]` flat. */
export function blockElements(shape: LatentShape, { block, blocks }: TransformLayout): Int32Array {
  const [rows, columns] = block;
  const across = shape.width / columns;
  const elements = new Int32Array(latentSize(shape));
  let next = 0;
  for (let b = 0; b < blocks; b++) {
    const [top, left] = [Math.floor(b / across) * rows, (b % across) * columns];
    for (let y = top; y < top + rows; y++)
      for (let x = left; x < left + columns; x++)
        for (let c = 0; c < shape.channels; c++) elements[next++] = (y * shape.width + x) * shape.channels + c;
  }
  return elements;
}

/** latents `[n, h, w, c]` -> their blocks `[n * blocks, elements of a block]`, position by position. */
export function cutBlocks(latents: Tensor4D, shape: LatentShape, { block, blocks }: TransformLayout): Tensor2D {
  const [rows, columns] = block;
  const n = latents.shape[0];
  const bands = (n * shape.height) / rows;
  return tf.tidy(() => {
    const strips = tf.reshape(latents, [bands, rows, shape.width / columns, columns * shape.channels]);
    return tf.reshape(tf.transpose(strips, [0, 2, 1, 3]), [n * blocks, latentSize(shape) / blocks]);
  });
}

/** Undoes `cutBlocks`. */
export function joinBlocks(values: Tensor2D, shape: LatentShape, { block, blocks }: TransformLayout): Tensor4D {
  const [rows, columns] = block;
  const { channels, height, width } = shape;
  const n = values.shape[0] / blocks;
  return tf.tidy(() => {
    const strips = tf.reshape(values, [(n * height) / rows, width / columns, rows, columns * channels]);
    return tf.reshape(tf.transpose(strips, [0, 2, 1, 3]), [n, height, width, channels]);
  });
}
