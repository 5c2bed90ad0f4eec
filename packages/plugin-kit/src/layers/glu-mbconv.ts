/** Gated inverted bottleneck: 1x1 up, SiLU, depthwise 3x3, gate, 1x1 down, RMSNorm, residual (diffusers' `GLUMBConv`). */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { depthwiseConvolution, linear, rmsNorm, silu, type ParameterOf } from "./basic.js";

/** x `[n, h, w, C]` -> `[n, h, w, C]`, residual included. The width comes from the weights. */
export function gluMbConv(x: Tensor4D, parameter: ParameterOf): Tensor4D {
  const [n, h, w, channels] = x.shape;
  const rows = n * h * w;
  const raised = silu(
    tf.add(
      linear(tf.reshape(x, [rows, channels]), parameter("conv_inverted.weight")),
      parameter("conv_inverted.bias"),
    ) as Tensor2D,
  );
  const wide = raised.shape[1];
  const mixed = tf.add(
    depthwiseConvolution(tf.reshape(raised, [n, h, w, wide]), parameter("conv_depth.weight")),
    parameter("conv_depth.bias"),
  );
  const [signal, gate] = tf.split(tf.reshape(mixed, [rows, wide]) as Tensor2D, 2, 1) as [Tensor2D, Tensor2D];
  const lowered = linear(tf.mul(signal, silu(gate)), parameter("conv_point.weight"));
  return tf.add(x, tf.reshape(rmsNorm(lowered, parameter("norm.weight"), parameter("norm.bias")), x.shape));
}
