/**
 * Basic layers as functions over NHWC tensors and parameters in PyTorch's layouts; all have gradients. Where parameters are small
 * beside activations, rearranging a kernel in every call costs next to nothing; linear layers need none.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { GradSaveFunc, Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";

/** Reads a parameter by its name below the layer's own prefix. */
export type ParameterOf = (name: string) => Tensor;

/** PyTorch's default of the norms in this network. */
const normEpsilon = 1e-5;

/** x `[rows, in]`, weight `[out, in]` or `[out, in, 1, 1]` (a 1x1 convolution is the same thing) -> `[rows, out]`. */
export function linear(x: Tensor2D, weight: Tensor): Tensor2D {
  const [out, inputs] = weight.shape as [number, number];
  return tf.matMul(x, tf.reshape(weight, [out, inputs]) as Tensor2D, false, true);
}

/** Convolution of stride 1 that keeps the size. x `[n, h, w, in]`, weight `[out, in, k, k]` -> `[n, h, w, out]`. */
export function convolution(x: Tensor4D, weight: Tensor, bias: Tensor): Tensor4D {
  return tf.add(tf.conv2d(x, tf.transpose(weight as Tensor4D, [2, 3, 1, 0]), 1, "same"), bias);
}

/** One k x k kernel a channel, stride 1, keeps the size. x `[n, h, w, c]`, weight `[c, 1, k, k]` -> `[n, h, w, c]`. */
export function depthwiseConvolution(x: Tensor4D, weight: Tensor): Tensor4D {
  return tf.depthwiseConv2d(x, tf.transpose(weight as Tensor4D, [2, 3, 0, 1]), 1, "same");
}

/**
 * x / sqrt(mean(x^2) + 1e-5) * weight + bias over the last axis. x `[..., c]`, weight and bias `[c]`.
 * Its own gradient: a third of the operations of the derived one, and no tensors of ones.
 */
export function rmsNorm<T extends Tensor>(x: T, weight: Tensor, bias: Tensor): T {
  const channels = weight.size;
  const rowMean = (values: Tensor): Tensor => tf.div(tf.sum(values, -1, true), channels);
  const forward = tf.customGrad((...inputs) => {
    const [values, scale, shift, save] = inputs as [Tensor, Tensor, Tensor, GradSaveFunc];
    const inverse = tf.rsqrt(tf.add(rowMean(tf.square(values)), normEpsilon));
    const normalized = tf.mul(values, inverse);
    save([normalized, inverse, scale]);
    return {
      value: tf.add(tf.mul(normalized, scale), shift),
      gradFunc: (upstream: Tensor, saved: Tensor[]) => {
        const [y, r, w] = saved as [Tensor, Tensor, Tensor];
        const rows = y.size / channels;
        const inner = tf.mul(upstream, w);
        const fold = (gradient: Tensor): Tensor => tf.sum(tf.reshape(gradient, [rows, channels]), 0);
        return [
          tf.mul(r, tf.sub(inner, tf.mul(y, rowMean(tf.mul(inner, y))))),
          fold(tf.mul(upstream, y)),
          fold(upstream),
        ];
      },
    };
  });
  return forward(x, weight, bias) as T;
}

/** x * sigmoid(x). Its own gradient, s + y * (1 - s): this runs on the widest activations of the network. */
export function silu<T extends Tensor>(x: T): T {
  const forward = tf.customGrad((...inputs) => {
    const [values, save] = inputs as [Tensor, GradSaveFunc];
    const gate = tf.sigmoid(values);
    const value = tf.mul(values, gate);
    save([gate, value]);
    return {
      value,
      gradFunc: (upstream: Tensor, saved: Tensor[]) => {
        const [s, y] = saved as [Tensor, Tensor];
        return tf.mul(upstream, tf.add(s, tf.mul(y, tf.sub(1, s))));
      },
    };
  });
  return forward(x) as T;
}
