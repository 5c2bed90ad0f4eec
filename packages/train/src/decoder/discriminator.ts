/**
 * A network that tells pictures from photographs, patch by patch (PatchGAN, Isola et al., 2017,
 * arXiv 1611.07004). Without a norm: batches of picture steps are small. It is not how it learns or
 * what is learned from it: that is `adversary.ts`.
 */
import type { Disposable, NamedTensors, Random } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor1D, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import { assignVariables } from "../run/tensor-state.js";

export interface Discriminator extends Disposable {
  readonly variables: readonly Variable[];
  /**
   * pictures `[n, H, W, 3]` in [-1, 1] -> `[n, ceil(H / 8), ceil(W / 8), 1]`: above 0 for patches that
   * look like photographs. Differentiable in pictures and variables. Call it inside `tf.tidy`.
   */
  score(pictures: Tensor4D): Tensor4D;
  /** `NAME.weight`, `NAME.bias` of each layer, borrowed. */
  state(): NamedTensors;
  /** Copies what it is given. Throws `state-*`. */
  restore(state: NamedTensors): void;
}

/** Output channels of the layers that halve the sides; the last layer has one. */
const channels = [32, 64, 128];
const kernel = 4;
const slope = 0.2;

export function createDiscriminator(random: Random): Discriminator {
  const variables: Record<string, Variable> = {};
  const layers = [...channels, 1].map((outputs, index) => {
    const inputs = channels[index - 1] ?? 3;
    const name = `layer${index}`;
    const weight = tf.tidy(() => tf.variable(startOfKernel([kernel, kernel, inputs, outputs], random.fork(name))));
    const bias = tf.tidy(() => tf.variable(tf.zeros([outputs])));
    variables[`${name}.weight`] = weight;
    variables[`${name}.bias`] = bias;
    return { weight: weight as unknown as Tensor4D, bias: bias as unknown as Tensor1D };
  });
  return {
    variables: Object.values(variables),
    score: (pictures) =>
      layers.reduce((x, { weight, bias }, index) => {
        const isLast = index === channels.length;
        const y: Tensor4D = tf.add(tf.conv2d(x, weight, isLast ? 1 : 2, "same"), bias);
        return isLast ? y : tf.leakyRelu(y, slope);
      }, pictures),
    state: () => variables,
    restore: (saved) => assignVariables(variables, saved),
    dispose: () => tf.dispose(variables),
  };
}

/**
 * Low for a discriminator that is right: 0 where all photographs score above 1 and all pictures below
 * -1, 2 where all scores are 0. The hinge loss of a batch of each (Lim and Ye, 2017, arXiv 1705.02894).
 *
 * @param photographs and `pictures`: scores
 */
export function hingeLoss(photographs: Tensor4D, pictures: Tensor4D): Scalar {
  return tf.add(tf.mean(tf.relu(tf.sub(1, photographs))), tf.mean(tf.relu(tf.add(1, pictures))));
}

/** Keeps the variance through the layers (He et al., 2015, arXiv 1502.01852). */
function startOfKernel(shape: [number, number, number, number], random: Random): Tensor4D {
  const [height, width, inputs, outputs] = shape;
  const fan = height * width * inputs;
  const scale = Math.sqrt(2 / ((1 + slope ** 2) * fan));
  return tf.tensor4d(
    Float32Array.from({ length: fan * outputs }, () => scale * random.normal()),
    shape,
  );
}
