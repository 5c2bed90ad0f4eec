/** Changes of resolution without parameters, of kernels that every engine has (rank 4 at most, no depthToSpace: it has no gradient). */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";

/** PyTorch's `pixel_unshuffle(x, 2)`: `[n, 2h, 2w, c]` -> `[n, h, w, 4c]`; channel 4i + 2dy + dx is channel i at (dy, dx). */
export function pixelUnshuffle(x: Tensor4D): Tensor4D {
  const [n, height, width, c] = x.shape;
  const [h, w] = [height / 2, width / 2];
  const cells = tf.transpose(tf.reshape(x, [n * h, 2, w, 2 * c]) as Tensor4D, [0, 2, 1, 3]);
  const channelFirst = tf.transpose(tf.reshape(cells, [n * h * w, 4, c]) as Tensor3D, [0, 2, 1]);
  return tf.reshape(channelFirst, [n, h, w, 4 * c]);
}

/** PyTorch's `pixel_shuffle(x, 2)`, the way back: `[n, h, w, 4c]` -> `[n, 2h, 2w, c]`. */
export function pixelShuffle(x: Tensor4D): Tensor4D {
  const [n, h, w, channels] = x.shape;
  const c = channels / 4;
  const cells = tf.transpose(tf.reshape(x, [n * h * w, c, 4]) as Tensor3D, [0, 2, 1]);
  const rows = tf.transpose(tf.reshape(cells, [n * h, w, 2, 2 * c]) as Tensor4D, [0, 2, 1, 3]);
  return tf.reshape(rows, [n, 2 * h, 2 * w, c]);
}

/** Channel i becomes channels i * times .. (i + 1) * times - 1 (PyTorch's `repeat_interleave`). */
export function repeatChannels(x: Tensor4D, times: number): Tensor4D {
  const [n, h, w, c] = x.shape;
  return tf.reshape(tf.tile(tf.reshape(x, [n * h * w, c, 1]), [1, 1, times]), [n, h, w, c * times]);
}

/** The mean of every run of `size` channels: `[n, h, w, c]` -> `[n, h, w, c / size]`. */
export function averageChannels(x: Tensor4D, size: number): Tensor4D {
  const [n, h, w, c] = x.shape;
  return tf.reshape(tf.mean(tf.reshape(x, [n * h * w, c / size, size]), 2), [n, h, w, c / size]);
}
