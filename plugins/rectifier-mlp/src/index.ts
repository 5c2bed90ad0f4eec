/**
 * @revq/rectifier-mlp: a rectifier of matrix products, one of the kinds that the paper compares (arXiv 2507.10547, ablation of the
 * rectifier). Layers are those of the MLP-Mixer (Tolstikhin et al., arXiv 2105.01601): one product mixes positions, the next one
 * channels. It is made for one height and width.
 */
import { ParameterSet, countNumbers, type ParameterShape } from "@revq/plugin-kit";
import { definePlugin, type LatentShape, type Rectifier, type OptionsOf } from "@revq/core";
import { linear, rmsNorm, silu } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const options = z.strictObject({
  channels: z.int().min(1).default(64).describe("Width of the network."),
  layers: z.int().min(1).default(3).describe("Mixer layers."),
  expandRatio: z.int().min(1).default(4).describe("Hidden width of the channel products, as a multiple of channels."),
  positionHidden: z.int().min(1).default(64).describe("Hidden width of the position products."),
  outputSkip: z
    .boolean()
    .default(false)
    .describe("Add the input to the output and start the last product at zero: training starts at the identity."),
});
type Options = z.output<typeof options>;

function parameterTable(given: Options, shape: LatentShape): ParameterShape[] {
  const { channels, layers, expandRatio, positionHidden, outputSkip } = given;
  const positions = shape.height * shape.width;
  const table: ParameterShape[] = [];
  const product = (name: string, out: number, inputs: number, zero = false): void => {
    const start = zero ? 0 : { fanIn: inputs };
    table.push({ name: `${name}.weight`, shape: [out, inputs], start }, { name: `${name}.bias`, shape: [out], start });
  };
  const norm = (name: string): void => {
    table.push(
      { name: `${name}.weight`, shape: [channels], start: 1 },
      { name: `${name}.bias`, shape: [channels], start: 0 },
    );
  };
  product("linear_in", channels, shape.channels);
  for (let layer = 0; layer < layers; layer++) {
    norm(`layers.${layer}.position_norm`);
    product(`layers.${layer}.position_up`, positionHidden, positions);
    product(`layers.${layer}.position_down`, positions, positionHidden);
    norm(`layers.${layer}.channel_norm`);
    product(`layers.${layer}.channel_up`, expandRatio * channels, channels);
    product(`layers.${layer}.channel_down`, channels, expandRatio * channels);
  }
  norm("norm_out");
  product("linear_out", shape.channels, channels, outputSkip);
  return table;
}

export const mlp = definePlugin({
  kind: "rectifier",
  id: "mlp",
  title: "Matrix products over positions and channels in turn (MLP-Mixer)",
  options,
  recipes: { fit: { outputSkip: true }, paper: { outputSkip: false } },
  describe: (given, { latentShape }) => ({ parameters: countNumbers(parameterTable(given, latentShape)) }),
  create(given, { latentShape, random }): Rectifier {
    const parameters = new ParameterSet(parameterTable(given, latentShape), random);
    const { channels, layers } = given;
    const positions = latentShape.height * latentShape.width;
    const product = (x: Tensor2D, name: string): Tensor2D =>
      tf.add(linear(x, parameters.get(`${name}.weight`)), parameters.get(`${name}.bias`));
    const norm = (x: Tensor2D, name: string): Tensor2D =>
      rmsNorm(x, parameters.get(`${name}.weight`), parameters.get(`${name}.bias`));
    /** `[n * from, to]` seen as `[n, from, to]`, the two swapped: `[n * to, from]`. */
    const swap = (x: Tensor2D, n: number, from: number, to: number): Tensor2D =>
      tf.reshape(tf.transpose(tf.reshape(x, [n, from, to]) as Tensor3D, [0, 2, 1]), [n * to, from]);
    const both = (x: Tensor2D, layer: string, which: string): Tensor2D =>
      product(silu(product(x, `${layer}.${which}_up`)), `${layer}.${which}_down`);
    return {
      variables: parameters.variables,
      rectify(quantized) {
        const n = quantized.shape[0];
        if (n === 0) return tf.clone(quantized); // no backend's kernels take an empty batch
        return tf.tidy(() => {
          let x = product(tf.reshape(quantized, [n * positions, latentShape.channels]), "linear_in");
          for (let index = 0; index < layers; index++) {
            const layer = `layers.${index}`;
            const byChannel = swap(norm(x, `${layer}.position_norm`), n, positions, channels);
            x = tf.add(x, swap(both(byChannel, layer, "position"), n, channels, positions));
            x = tf.add(x, both(norm(x, `${layer}.channel_norm`), layer, "channel"));
          }
          const out: Tensor4D = tf.reshape(product(silu(norm(x, "norm_out")), "linear_out"), quantized.shape);
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
    mlp: OptionsOf<typeof mlp>;
  }
}
