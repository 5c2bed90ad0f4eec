/**
 * Multi-scale ReLU linear attention (EfficientViT, arXiv 2205.14756; the variant of diffusers' `SanaMultiscaleLinearAttention`).
 *
 * The reference takes a second, quadratic route when h * w <= headDim. Both compute sum_k v_k (k . q) / sum_k (k . q); only the
 * order of the products differs, so there is one route here, and the fixtures of both agree with it.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";
import { depthwiseConvolution, linear, rmsNorm, type ParameterOf } from "./basic.js";

/** Keeps a query that all keys are orthogonal to from dividing by zero. */
const attentionEpsilon = 1e-15;

/**
 * x `[n, h, w, C]` -> `[n, h, w, C]`, residual included.
 * @param scales how many aggregation branches `to_qkv_multiscale.i` there are; each adds as many heads as there are without one
 */
export function multiScaleAttention(x: Tensor4D, headDim: number, parameter: ParameterOf, scales = 1): Tensor4D {
  const [n, h, w, channels] = x.shape;
  const rows = n * h * w;
  const heads = channels / headDim;

  const projection = tf.concat([parameter("to_q.weight"), parameter("to_k.weight"), parameter("to_v.weight")], 0);
  const projected = linear(tf.reshape(x, [rows, channels]), projection);

  // The 3C channels are cut into heads of 3 * headDim, each a query, a key and a value: NOT the thirds that to_q, to_k and
  // to_v wrote. Trained weights depend on it.
  const byPart = (values: Tensor): Tensor4D =>
    tf.transpose(tf.reshape(values, [rows, heads, 3, headDim]) as Tensor4D, [2, 1, 0, 3]);

  const aggregated = Array.from({ length: scales }, (_, scale): Tensor4D => {
    const branch = `to_qkv_multiscale.${scale}`;
    const neighbourhood = depthwiseConvolution(
      tf.reshape(projected, [n, h, w, 3 * channels]),
      parameter(`${branch}.proj_in.weight`),
    );
    // A grouped 1x1 convolution, one group for each head's query, key and value: a batch of small matrix products.
    const mixing = tf.transpose(
      tf.reshape(parameter(`${branch}.proj_out.weight`), [heads, 3, headDim, headDim]) as Tensor4D,
      [1, 0, 2, 3],
    );
    const mixed = tf.matMul(
      tf.reshape(byPart(neighbourhood), [3 * heads, rows, headDim]) as Tensor3D,
      tf.reshape(mixing, [3 * heads, headDim, headDim]) as Tensor3D,
      false,
      true,
    );
    return tf.reshape(mixed, [3, heads, rows, headDim]);
  });

  const allHeads = scales === 0 ? byPart(projected) : tf.concat([byPart(projected), ...aggregated], 1);
  const width = (1 + scales) * heads;
  const [query, key, value] = tf
    .split(allHeads, 3, 0)
    .map((part) => tf.reshape(part, [width * n, h * w, headDim]) as Tensor3D) as [Tensor3D, Tensor3D, Tensor3D];
  const attended = tf.reshape(reluAttention(tf.relu(query), tf.relu(key), value), [width, rows, headDim]);

  const joined = tf.reshape(tf.transpose(attended as Tensor3D, [1, 0, 2]), [rows, width * headDim]) as Tensor2D;
  const out = rmsNorm(
    linear(joined, parameter("to_out.weight")),
    parameter("norm_out.weight"),
    parameter("norm_out.bias"),
  );
  return tf.add(x, tf.reshape(out, x.shape));
}

/** query, key, value `[batch, positions, headDim]`, query and key >= 0 -> `[batch, positions, headDim]`. */
function reluAttention(query: Tensor3D, key: Tensor3D, value: Tensor3D): Tensor3D {
  const summary = tf.matMul(key, value, true, false);
  const total = tf.matMul(query, tf.sum(key, 1, true) as Tensor3D, false, true);
  return tf.div(tf.matMul(query, summary), tf.add(total, attentionEpsilon));
}
