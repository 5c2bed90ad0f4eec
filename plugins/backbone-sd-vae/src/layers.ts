/**
 * The layers of an AutoencoderKL as plain functions over tensors, each with a gradient. Weights are
 * in tfjs' layout (`[y, x, in, out]`); images are in the layout that the caller names.
 */
import * as tf from "@tensorflow/tfjs-core";

/**
 * The position of the channels. All engines support channels last; some compute convolutions faster
 * with channels first.
 */
export type Layout = "NHWC" | "NCHW";

type Padding = Parameters<typeof tf.conv2d>[3];

/** Epsilon of every group norm of an AutoencoderKL. */
const epsilon = 1e-6;

/** Weight and bias of a layer. */
export interface LayerWeights {
  readonly weight: tf.Tensor;
  readonly bias: tf.Tensor;
}

/**
 * Default: stride 1 and padding "same". tfjs' "same" is diffusers' padding for both strides: 1 on each side; for
 * stride 2 on an even size 0 near and 1 far.
 */
type Convolution = (
  x: tf.Tensor4D,
  weights: LayerWeights,
  layout: Layout,
  stride?: 1 | 2,
  pad?: Padding,
) => tf.Tensor4D;

export const conv: Convolution = (x, { weight, bias }, layout, stride = 1, pad = "same") =>
  tf.add(tf.conv2d(x, weight as tf.Tensor4D, stride, pad, layout), perChannel(bias, layout));

/** Like `conv`, in one operation. Some engines have no gradient for it. */
export const fusedConv: Convolution = (x, { weight, bias }, layout, stride = 1, pad = "same") =>
  tf.fused.conv2d({ x, filter: weight as tf.Tensor4D, strides: stride, pad, dataFormat: layout, bias });

/**
 * Group norm over equal runs of channels, with an affine map of each channel. `weight`, `bias`
 * `[c]`.
 */
export function groupNorm(x: tf.Tensor4D, { weight, bias }: LayerWeights, groups: number, layout: Layout): tf.Tensor4D {
  const channels = x.shape[layout === "NHWC" ? 3 : 1];
  const count = x.size / x.shape[0] / groups;
  const perGroup = [-1, groups, channels / groups] as const;

  const normalize = tf.customGrad((...args) => {
    const [x, weight, bias, save] = args as unknown as [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D, tf.GradSaveFunc];
    const n = x.shape[0];
    /** Sums over the positions of each channel, `[n, c]`, and of each group, `[n, groups]`. */
    const overChannel = (y: tf.Tensor): tf.Tensor2D =>
      layout === "NHWC" ? tf.sum(tf.reshape(y, [n, -1, channels]), 1) : tf.sum(tf.reshape(y, [n, channels, -1]), 2);
    const overGroup = (y: tf.Tensor): tf.Tensor2D =>
      layout === "NHWC"
        ? tf.sum(tf.reshape(overChannel(y), perGroup.with(0, n) as [number, number, number]), 2)
        : tf.sum(tf.reshape(y, [n, groups, -1]), 2);
    /** `[n, groups]` -> `[n, c]` */
    const spread = (y: tf.Tensor): tf.Tensor2D =>
      tf.reshape(tf.tile(tf.reshape(y, [n, groups, 1]), [1, 1, channels / groups]), [n, channels]);
    const broadcastable = (y: tf.Tensor): tf.Tensor4D =>
      tf.reshape(y, layout === "NHWC" ? [n, 1, 1, channels] : [n, channels, 1, 1]);

    const mean = spread(tf.div(overGroup(x), count));
    const centred = tf.sub(x, broadcastable(mean));
    const inverse = spread(tf.rsqrt(tf.add(tf.div(overGroup(tf.square(centred)), count), epsilon)));
    const scale = tf.mul(inverse, tf.reshape(weight, [1, channels]));
    const value = tf.add<tf.Tensor4D>(
      tf.mul(centred, broadcastable(scale)),
      broadcastable(tf.tile(tf.reshape(bias, [1, channels]), [n, 1])),
    );
    save([centred, inverse, weight]);

    return {
      value,
      gradFunc: (dy: tf.Tensor4D, saved: tf.Tensor[]) => {
        const [centred, inverse, weight] = saved as [tf.Tensor4D, tf.Tensor2D, tf.Tensor1D];
        const sums = overChannel(dy);
        const products = tf.mul(overChannel(tf.mul(dy, centred)), inverse);
        const row = tf.reshape(weight, [1, channels]);
        const meanOf = (y: tf.Tensor): tf.Tensor2D =>
          spread(tf.div(tf.sum(tf.reshape(tf.mul(y, row), perGroup.with(0, n) as [number, number, number]), 2), count));
        // dx = (w dy - mean(w dy) - xhat mean(w dy xhat)) / deviation
        const ofDy = tf.mul(inverse, row);
        const ofCentred = tf.mul(tf.square(inverse), meanOf(products));
        const constant = tf.mul(inverse, meanOf(sums));
        const dx = tf.sub(
          tf.sub(tf.mul(dy, broadcastable(ofDy)), tf.mul(centred, broadcastable(ofCentred))),
          broadcastable(constant),
        );
        return [dx, tf.sum(products, 0), tf.sum(sums, 0)];
      },
    };
  });
  return normalize(x, weight, bias) as tf.Tensor4D;
}

/** `[c]` so that it broadcasts over an image. */
function perChannel(vector: tf.Tensor, layout: Layout): tf.Tensor {
  return layout === "NHWC" ? vector : tf.reshape(vector, [1, vector.size, 1, 1]);
}
