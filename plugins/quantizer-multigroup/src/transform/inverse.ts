/** Coefficients to latents on the engine: matrix products and transposes of rank four at most, differentiable. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";
import type { TransformGeometry } from "./geometry.js";

/** Latents or coefficients `[n, h, w, c]` -> their blocks `[n * B, numbers of a block]`, cell by cell. */
export function cutBlocks(latents: Tensor4D, { shape, block, blocks, size }: TransformGeometry): Tensor2D {
  const [rows, columns] = block;
  const n = latents.shape[0];
  const bands = (n * shape.height) / rows;
  return tf.tidy(() => {
    const strips = tf.reshape(latents, [bands, rows, shape.width / columns, columns * shape.channels]);
    return tf.reshape(tf.transpose(strips, [0, 2, 1, 3]), [n * blocks, size]);
  });
}

/**
 * @param coefficients `[n * B, numbers of a block]`, n > 0
 * @param rotation `[count, dim, dim]`; not looked at for `dct`
 * @param cosineMatrix `[cells, cells]`, row is the frequency; not looked at for `pca`
 * @returns latents `[n, h, w, c]`
 */
export function invertTransform(
  { kind, shape, block, size }: TransformGeometry,
  coefficients: Tensor2D,
  rotation: Tensor | undefined,
  cosineMatrix: Tensor2D | undefined,
): Tensor4D {
  const { channels, height, width } = shape;
  const [rows, columns] = block;
  const all = coefficients.shape[0];
  const cells = rows * columns;
  const n = (all * size) / (height * width * channels);

  return tf.tidy(() => {
    let values: Tensor;
    if (kind === "pca") {
      values = tf.matMul(coefficients, tf.reshape(rotation!, [size, size]) as Tensor2D);
    } else {
      let byFrequency = tf.transpose(tf.reshape(coefficients, [all, cells, channels]) as Tensor3D, [1, 0, 2]);
      if (kind === "dct-klt") byFrequency = tf.matMul(byFrequency, rotation as Tensor3D);
      const byCell = tf.matMul(cosineMatrix!, tf.reshape(byFrequency, [cells, all * channels]) as Tensor2D, true);
      values = tf.transpose(tf.reshape(byCell, [cells, all, channels]) as Tensor3D, [1, 0, 2]);
    }
    const strips = tf.reshape(values, [(n * height) / rows, width / columns, rows, columns * channels]);
    return tf.reshape(tf.transpose(strips, [0, 2, 1, 3]), [n, height, width, channels]);
  });
}

/** The way there, orthonormal as the way back is: latents `[n, h, w, c]` -> coefficients `[n * B, numbers of a block]`. */
export function transformOnEngine(
  geometry: TransformGeometry,
  latents: Tensor4D,
  rotation: Tensor | undefined,
  cosineMatrix: Tensor2D | undefined,
): Tensor2D {
  const { kind, shape, block, size } = geometry;
  return tf.tidy(() => {
    const blocks = cutBlocks(latents, geometry);
    if (kind === "pca") return tf.matMul(blocks, tf.reshape(rotation!, [size, size]) as Tensor2D, false, true);
    const [all, cells, channels] = [blocks.shape[0], block[0] * block[1], shape.channels];
    const byCell = tf.reshape(tf.transpose(tf.reshape(blocks, [all, cells, channels]), [1, 0, 2]), [cells, -1]);
    let byFrequency = tf.reshape(tf.matMul(cosineMatrix!, byCell as Tensor2D), [cells, all, channels]) as Tensor3D;
    if (kind === "dct-klt") byFrequency = tf.matMul(byFrequency, rotation as Tensor3D, false, true);
    return tf.reshape(tf.transpose(byFrequency, [1, 0, 2]), [all, size]);
  });
}

/** Coefficients in blocks -> where their cells lie, `[n, h, w, c]`: undoes `cutBlocks`. */
export function joinBlocks(coefficients: Tensor2D, { shape, block, blocks }: TransformGeometry): Tensor4D {
  const [rows, columns] = block;
  const { channels, height, width } = shape;
  const n = coefficients.shape[0] / blocks;
  return tf.tidy(() => {
    const strips = tf.reshape(coefficients, [(n * height) / rows, width / columns, rows, columns * channels]);
    return tf.reshape(tf.transpose(strips, [0, 2, 1, 3]), [n, height, width, channels]);
  });
}
