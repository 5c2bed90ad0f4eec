/**
 * The rectifier of Quantize-then-Rectify (arXiv 2507.10547, "Rectifier"): one stage of EfficientViT
 * blocks at the latent's own size, between two 3x3 convolutions. Fully convolutional, so it takes
 * any height and width. Values and parameter names are those of the authors' PyTorch model.
 */
import type { Random, Rectifier } from "@revq/core";
import { convolution, gluMbConv, multiScaleAttention, ParameterSet, rmsNorm, type ParameterOf } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";
import type { EfficientVitSizes } from "./options.js";
import { blockPrefix, parameterTable } from "./parameters.js";

/** `variables` are in PyTorch's order; `state()` has PyTorch's names and layouts. */
export function createEfficientVitRectifier(sizes: EfficientVitSizes, random: Random): Rectifier {
  const parameters = new ParameterSet(parameterTable(sizes), random);
  return {
    variables: parameters.variables,
    rectify(quantized) {
      if (quantized.shape[0] === 0) return tf.clone(quantized); // no backend's kernels take an empty batch
      return tf.tidy(() => efficientVit(quantized, sizes, (name) => parameters.get(name)));
    },
    state: () => parameters.state(),
    restore: (state) => parameters.restore(state),
    dispose: () => parameters.dispose(),
  };
}

/**
 * x `[n, h, w, c]` -> `[n, h, w, c]`. `parameter` gives each entry of `parameterTable(sizes)` by
 * its name.
 */
export function efficientVit(x: Tensor4D, sizes: EfficientVitSizes, parameter: ParameterOf): Tensor4D {
  const widened = convolution(x, parameter("conv_in.weight"), parameter("conv_in.bias"));
  let hidden = addRepeated(widened, x);
  for (let layer = 0; layer < sizes.layers; layer++) {
    const below = (part: string): ParameterOf => {
      const prefix = `${blockPrefix(layer)}.${part}.`;
      return (name) => parameter(prefix + name);
    };
    hidden = multiScaleAttention(hidden, sizes.headDim, below("attn"));
    hidden = gluMbConv(hidden, below("conv_out"));
  }
  const activated = tf.relu(rmsNorm(hidden, parameter("norm_out.weight"), parameter("norm_out.bias")));
  const out = convolution(activated, parameter("conv_out.weight"), parameter("conv_out.bias"));
  return sizes.outputSkip ? tf.add(x, out) : out;
}

/**
 * Adds channel i of x to channels i * C/c .. (i + 1) * C/c - 1 of `wide`. wide `[n, h, w, C]`, x
 * `[n, h, w, c]` -> `[n, h, w, C]`.
 */
function addRepeated(wide: Tensor4D, x: Tensor4D): Tensor4D {
  const [n, h, w, c] = x.shape;
  const grouped = tf.reshape(wide, [n * h * w, c, wide.shape[3] / c]) as Tensor3D;
  return tf.reshape(tf.add(grouped, tf.reshape(x, [n * h * w, c, 1])), wide.shape);
}
