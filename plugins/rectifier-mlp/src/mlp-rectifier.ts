/**
 * A rectifier with the layers of the MLP-Mixer (Tolstikhin et al., arXiv 2105.01601): one product
 * mixes positions, the next one channels. It is made for one height and width.
 */
import type { Rectifier, RectifierContext } from "@revq/core";
import { linear, ParameterSet, rmsNorm, silu } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";
import type { MlpOptions } from "./options.js";
import { parameterTable } from "./parameters.js";

export function createMlpRectifier(options: MlpOptions, { latentShape, random }: RectifierContext): Rectifier {
  const parameters = new ParameterSet(parameterTable(options, latentShape), random);
  const { channels, layers } = options;
  const positions = latentShape.height * latentShape.width;
  const product = (x: Tensor2D, name: string): Tensor2D =>
    tf.add(linear(x, parameters.get(`${name}.weight`)), parameters.get(`${name}.bias`));
  const norm = (x: Tensor2D, name: string): Tensor2D =>
    rmsNorm(x, parameters.get(`${name}.weight`), parameters.get(`${name}.bias`));
  /** `[n * from, to]` -> `[n * to, from]`: swaps the last two axes of `[n, from, to]`. */
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
        return options.outputSkip ? tf.add(quantized, out) : out;
      });
    },
    state: () => parameters.state(),
    restore: (state) => parameters.restore(state),
    dispose: () => parameters.dispose(),
  };
}
