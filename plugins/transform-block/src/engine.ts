/** The transform by tensor operations: matrix products and transposes of rank four at most, differentiable. */
import { cutBlocks, joinBlocks } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";
import type { TransformGeometry } from "./geometry.js";

/** The matrices of a transform. */
export interface TransformMatrices {
  /** `[count, dim, dim]`; absent for `dct`. */
  readonly rotation: Tensor | undefined;
  /** `[positions, positions]`, a row per frequency; absent for `pca`. */
  readonly cosines: Tensor2D | undefined;
}

/** latents `[n, h, w, c]` -> coefficients. */
export function forwardOnEngine(
  geometry: TransformGeometry,
  latents: Tensor4D,
  { rotation, cosines }: TransformMatrices,
): Tensor4D {
  const { kind, shape, block, size } = geometry;
  return tf.tidy(() => {
    const blocks = cutBlocks(latents, shape, geometry);
    if (kind === "pca") {
      return joinBlocks(tf.matMul(blocks, asMatrix(rotation!, size), false, true), shape, geometry);
    }
    const [all, positions, channels] = [blocks.shape[0], block[0] * block[1], shape.channels];
    const byPosition = tf.reshape(tf.transpose(tf.reshape(blocks, [all, positions, channels]), [1, 0, 2]), [
      positions,
      -1,
    ]);
    let byFrequency = tf.reshape(tf.matMul(cosines!, byPosition as Tensor2D), [positions, all, channels]) as Tensor3D;
    if (kind === "dct-klt") byFrequency = tf.matMul(byFrequency, rotation as Tensor3D, false, true);
    return joinBlocks(tf.reshape(tf.transpose(byFrequency, [1, 0, 2]), [all, size]), shape, geometry);
  });
}

/** coefficients `[n, h, w, c]` -> latents. */
export function inverseOnEngine(
  geometry: TransformGeometry,
  coefficients: Tensor4D,
  { rotation, cosines }: TransformMatrices,
): Tensor4D {
  const { kind, shape, block, size } = geometry;
  return tf.tidy(() => {
    const blocks = cutBlocks(coefficients, shape, geometry);
    if (kind === "pca") return joinBlocks(tf.matMul(blocks, asMatrix(rotation!, size)), shape, geometry);
    const [all, positions, channels] = [blocks.shape[0], block[0] * block[1], shape.channels];
    let byFrequency = tf.transpose(tf.reshape(blocks, [all, positions, channels]) as Tensor3D, [1, 0, 2]);
    if (kind === "dct-klt") byFrequency = tf.matMul(byFrequency, rotation as Tensor3D);
    const byPosition = tf.matMul(cosines!, tf.reshape(byFrequency, [positions, all * channels]) as Tensor2D, true);
    const values = tf.transpose(tf.reshape(byPosition, [positions, all, channels]) as Tensor3D, [1, 0, 2]);
    return joinBlocks(tf.reshape(values, [all, size]) as Tensor2D, shape, geometry);
  });
}

function asMatrix(rotation: Tensor, size: number): Tensor2D {
  return tf.reshape(rotation, [size, size]);
}
