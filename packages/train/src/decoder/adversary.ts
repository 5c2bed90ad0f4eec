/**
 * Trains a decoder against a discriminator, as in VQGAN (Esser et al., 2021, arXiv 2012.09841): the
 * discriminator learns to tell its pictures from photographs, and the decoder learns to be taken for
 * them. It exists while the decoder is adapted; no tokenizer keeps it.
 */
import { toNamedArrays, withPrefix, type Disposable, type NamedArrays, type Random } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor4D } from "@tensorflow/tfjs-core";
import { createAdamW } from "../optimizer/adamw.js";
import { clipScale } from "../optimizer/clip.js";
import { lendTensors } from "../run/tensor-state.js";
import { createDiscriminator, hingeLoss } from "./discriminator.js";

export interface AdversaryOptions {
  /** Of the discriminator's gradient, beside a picture loss whose gradient is as long. */
  readonly weight: number;
  /** AdamW's. */
  readonly learningRate: number;
  readonly clipNorm: number;
  readonly random: Random;
}

export interface Adversary extends Disposable {
  /**
   * `lossOf(pictures)` minus the mean score of the pictures. The discriminator's gradient counts
   * `weight` times, after it is made as long as that of `lossOf`. Call it inside `tf.tidy`.
   *
   * @param pictures `[n, H, W, 3]`
   */
  oppose(pictures: Tensor4D, lossOf: (pictures: Tensor4D) => Scalar): Scalar;
  /** A step of the discriminator; returns its hinge loss. Both `[n, H, W, 3]`. */
  learn(photographs: Tensor4D, pictures: Tensor4D): Scalar;
  /** `discriminator.*`, `discriminatorOptimizer.*` */
  state(): Promise<NamedArrays>;
  /** Takes up what `state` gave. */
  restore(arrays: NamedArrays): void;
}

/** AdamW's decays: a discriminator forgets fast, because the pictures change. VQGAN's. */
const betas = { beta1: 0.5, beta2: 0.9 };

export function createAdversary({ weight, learningRate, clipNorm, random }: AdversaryOptions): Adversary {
  const discriminator = createDiscriminator(random);
  const variables = [...discriminator.variables];
  const optimizer = createAdamW([{ name: "discriminator", variables, learningRate, weightDecay: 0 }], betas);
  return {
    oppose(pictures, lossOf) {
      const [first, second] = tf.split(twice(pictures, weight), 2) as [Tensor4D, Tensor4D];
      return tf.sub(lossOf(first), tf.mean(discriminator.score(second)));
    },
    learn: (photographs, pictures) =>
      tf.tidy(() => {
        const both = tf.concat([photographs, pictures], 0);
        const { value, grads } = tf.variableGrads(() => {
          const [real, made] = tf.split(discriminator.score(both), 2) as [Tensor4D, Tensor4D];
          return hingeLoss(real, made);
        }, variables);
        optimizer.apply(grads, { discriminator: clipScale(grads, clipNorm).scale });
        return value;
      }),
    state: async () => ({
      ...withPrefix("discriminator", await toNamedArrays(discriminator.state())),
      ...withPrefix("discriminatorOptimizer", await toNamedArrays(optimizer.state())),
    }),
    restore(arrays) {
      lendTensors(arrays, "discriminator", (state) => discriminator.restore(state));
      lendTensors(arrays, "discriminatorOptimizer", (state) => optimizer.restore(state));
    },
    dispose() {
      discriminator.dispose();
      optimizer.dispose();
    },
  };
}

/** Keeps the balance finite where the score has no gradient. */
const balanceGuard = 1e-8;
/** VQGAN's. */
const largestBalance = 1e4;

/**
 * Pictures `[n, H, W, 3]` twice, `[2 n, H, W, 3]`. Backwards, the gradient of the second half is
 * balanced with that of the first, then both are added.
 *
 * VQGAN balances the norms of the gradients of the decoder's last weights. That takes a backward pass
 * for each loss, and decoders have different last layers. Gradients of the pictures themselves are
 * there before the decoder's backward pass, so one pass is enough. The ratio is about the same: a last
 * convolution multiplies both gradients by the same activations.
 */
function twice(pictures: Tensor4D, weight: number): Tensor4D {
  const copy = tf.customGrad((x) => ({
    value: tf.concat([x as Tensor4D, x as Tensor4D], 0),
    gradFunc: (gradient): Tensor4D => {
      const [ofLoss, ofScore] = tf.split(gradient as Tensor4D, 2) as [Tensor4D, Tensor4D];
      const balance = tf.div(tf.norm(ofLoss), tf.add(tf.norm(ofScore), balanceGuard));
      return tf.add<Tensor4D>(ofLoss, tf.mul(ofScore, tf.mul(tf.minimum(balance, largestBalance), weight)));
    },
  }));
  return copy(pictures) as Tensor4D;
}
