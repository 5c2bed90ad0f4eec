/**
 * @revq/rectifier-cnn: a rectifier of residual 3x3 convolutions, one of the kinds that the paper compares (arXiv 2507.10547, ablation
 * of the rectifier). Blocks are pre-activation residual blocks (He et al., arXiv 1603.05027) with the norm and activation that the
 * EfficientViT rectifier uses. Any height and width.
 */
import { ParameterSet, countNumbers, type ParameterShape } from "@revq/plugin-kit";
import { definePlugin, type Rectifier, type OptionsOf } from "@revq/core";
import { convolution, rmsNorm, silu } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const options = z.strictObject({
  channels: z.int().min(1).default(64).describe("Width of the network."),
  layers: z.int().min(1).default(3).describe("Residual blocks of two convolutions each."),
  outputSkip: z
    .boolean()
    .default(false)
    .describe("Add the input to the output and start the last convolution at zero: training starts at the identity."),
});
type Options = z.output<typeof options>;

function parameterTable({ channels, layers, outputSkip }: Options, latentChannels: number): ParameterShape[] {
  const table: ParameterShape[] = [];
  const conv = (name: string, out: number, inputs: number, zero = false): void => {
    const start = zero ? 0 : { fanIn: inputs * 9 };
    table.push(
      { name: `${name}.weight`, shape: [out, inputs, 3, 3], start },
      { name: `${name}.bias`, shape: [out], start },
    );
  };
  const norm = (name: string): void => {
    table.push(
      { name: `${name}.weight`, shape: [channels], start: 1 },
      { name: `${name}.bias`, shape: [channels], start: 0 },
    );
  };
  conv("conv_in", channels, latentChannels);
  for (let layer = 0; layer < layers; layer++) {
    norm(`blocks.${layer}.norm`);
    conv(`blocks.${layer}.conv1`, channels, channels);
    conv(`blocks.${layer}.conv2`, channels, channels);
  }
  norm("norm_out");
  conv("conv_out", latentChannels, channels, outputSkip);
  return table;
}

export const cnn = definePlugin({
  kind: "rectifier",
  id: "cnn",
  title: "Residual 3x3 convolutions",
  options,
  recipes: { fit: { outputSkip: true }, paper: { outputSkip: false } },
  describe: (given, { latentShape }) => ({ parameters: countNumbers(parameterTable(given, latentShape.channels)) }),
  create(given, { latentShape, random }): Rectifier {
    const parameters = new ParameterSet(parameterTable(given, latentShape.channels), random);
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
          for (let layer = 0; layer < given.layers; layer++) {
            const inner = silu(conv(norm(x, `blocks.${layer}.norm`), `blocks.${layer}.conv1`));
            x = tf.add(x, conv(inner, `blocks.${layer}.conv2`));
          }
          const out = conv(silu(norm(x, "norm_out")), "conv_out");
          return given.outputSkip ? tf.add(quantized, out) : out;
        });
      },
      state: () => parameters.state(),
      restore: (state) => parameters.restore(state),
      dispose: () => parameters.dispose(),
    };
  },
});

declare module "@revq/core" {
  interface KnownRectifiers {
    cnn: OptionsOf<typeof cnn>;
  }
}
