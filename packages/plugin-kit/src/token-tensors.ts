/**
 * Cuts latents into tokens and joins them again on the engine, in the order of `tokenOrder`. Reshapes and transposes of rank
 * four at most: differentiable, and every backend has them.
 */
import { blockShape, patchShape, tokenDimension, type LatentShape, type TokenSplit } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";

/** latents `[n, h, w, c]` -> tokens `[n, T, d]`. Throws as `tokenOrder` does. */
export function cutTokens(latents: Tensor4D, shape: LatentShape, tokens: number, split: TokenSplit): Tensor3D {
  const d = tokenDimension(shape, tokens);
  const n = latents.shape[0];
  return tf.tidy(() => {
    if (split === "spatial") return tf.reshape(latents, [n, tokens, d]);
    if (split === "patch") {
      const [down, across] = patchShape(shape, d);
      const strips = tf.reshape(latents, [
        (n * shape.height) / down,
        down,
        shape.width / across,
        across * shape.channels,
      ]);
      return tf.reshape(tf.transpose(strips, [0, 2, 1, 3]), [n, tokens, d]);
    }
    const rows = tf.transpose(latents, [0, 3, 1, 2]);
    if (split === "channel") return tf.reshape(rows, [n, tokens, d]);
    const [height, width] = blockShape(shape, d);
    const bands = tf.reshape(rows, [(n * shape.channels * shape.height) / height, height, shape.width / width, width]);
    return tf.reshape(tf.transpose(bands, [0, 2, 1, 3]), [n, tokens, d]);
  });
}

/** tokens `[n, T, d]` -> latents `[n, h, w, c]`: the inverse of `cutTokens`. */
export function joinTokens(tokens: Tensor3D, shape: LatentShape, split: TokenSplit): Tensor4D {
  const { channels, height, width } = shape;
  const n = tokens.shape[0];
  return tf.tidy(() => {
    if (split === "spatial") return tf.reshape(tokens, [n, height, width, channels]);
    if (split === "patch") {
      const [down, across] = patchShape(shape, tokenDimension(shape, tokens.shape[1]));
      const strips = tf.reshape(tokens, [(n * height) / down, width / across, down, across * channels]);
      return tf.reshape(tf.transpose(strips, [0, 2, 1, 3]), [n, height, width, channels]);
    }
    let rows: Tensor4D = tf.reshape(tokens, [n, channels, height, width]);
    if (split === "block") {
      const [blockHeight, blockWidth] = blockShape(shape, tokenDimension(shape, tokens.shape[1]));
      const bands = tf.reshape(tokens, [
        (n * channels * height) / blockHeight,
        width / blockWidth,
        blockHeight,
        blockWidth,
      ]);
      rows = tf.reshape(tf.transpose(bands, [0, 2, 1, 3]), [n, channels, height, width]);
    }
    return tf.transpose(rows, [0, 2, 3, 1]);
  });
}
