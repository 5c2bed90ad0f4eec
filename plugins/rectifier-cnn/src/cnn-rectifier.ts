/**
 * A rectifier of pre-activation residual blocks (He et al., arXiv 1603.05027) with the norm and
 * activation of the EfficientViT rectifier. It takes any height and width.
 */
import type { Rectifier, RectifierContext } from "@revq/core";
import { convolution, ParameterSet, rmsNorm, silu } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import type { CnnOptions } from "./options.js";
import { parameterTable } from "./parameters.js";

export function createCnnRectifier(options: CnnOptions, { latentShape, random }: RectifierContext): Rectifier {
  const parameters = new ParameterSet(parameterTable(options, latentShape), random);
  const conv = (x: Tensor4D, name: string): Tensor4D =>
    convolution(x, parameters.get(`${name}.weight`), parameters.get(`${name}.bias`));
  const norm = (x: Tensor4D, name: string): Tensor4D =>
    rmsNorm(x, parameters.get(`${name}.weight`), parameters.get(`${name}.bias`));
  return {
    variables: parameters.variables,
    rectify(quantized) {
      if (quantized.shape[0] === 0) return tf.clone(quantized); // no backend's kernels take an empty batch
      return tf.tidy(() => {
        let x = conv(quantized, "conv_in");
        for (let layer = 0; layer < options.layers; layer++) {
          const inner = silu(conv(norm(x, `blocks.${layer}.norm`), `blocks.${layer}.conv1`));
          x = tf.add(x, conv(inner, `blocks.${layer}.conv2`));
        }
        const out = conv(silu(norm(x, "norm_out")), "conv_out");
        return options.outputSkip ? tf.add(quantized, out) : out;
      });
    },
    state: () => parameters.state(),
    restore: (state) => parameters.restore(state),
    dispose: () => parameters.dispose(),
  };
}
