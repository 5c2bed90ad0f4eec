/**
 * The loss of a picture: how far it is from its target by LPIPS, by the decoder's own features and by
 * pixels. A latent error alone lets a rectifier smooth; these do not.
 */
import type { DecoderOutput } from "@revq/core";
import type { Lpips } from "@revq/metrics/networks";
import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor4D } from "@tensorflow/tfjs-core";

export interface PictureWeights {
  /** Of the mean LPIPS. Counts only where its network is given. */
  readonly lpips: number;
  /** Of the mean over the decoder's feature maps: squared error divided by the target's variance. */
  readonly features: number;
  /** Of the mean squared error of pixels in [0, 1]. */
  readonly pixels: number;
}

/** What a picture shall be; made once a step. Its tensors belong to the surrounding `tf.tidy`. */
export interface PictureTarget extends DecoderOutput {
  /** Activations of LPIPS's network; null without it. */
  readonly lpips: readonly Tensor4D[] | null;
}

/** @param output of the decoder; no features leave the loss of features out */
export function pictureTarget({ images, features }: DecoderOutput, lpips: Lpips | null): PictureTarget {
  return { images, features, lpips: lpips ? lpips.features(images) : null };
}

/** Differentiable in `output`. Call it inside `tf.tidy`. */
export function pictureLoss(
  output: DecoderOutput,
  target: PictureTarget,
  weights: PictureWeights,
  lpips: Lpips | null,
): Scalar {
  const terms: Scalar[] = [];
  if (lpips && target.lpips && weights.lpips > 0) {
    terms.push(tf.mul(tf.mean(lpips.compare(lpips.features(output.images), target.lpips)), weights.lpips));
  }
  if (weights.features > 0 && target.features.length > 0) {
    const errors = target.features.map((feature, i) => relativeError(output.features[i]!, feature));
    terms.push(tf.mul(tf.addN(errors), weights.features / errors.length));
  }
  if (weights.pixels > 0) {
    // Pixels are in [-1, 1]: a quarter of the squared error is that in [0, 1].
    terms.push(tf.mul(tf.mean(tf.squaredDifference(output.images, target.images)), weights.pixels / 4));
  }
  return terms.length > 0 ? tf.addN(terms) : tf.scalar(0);
}

/** Keeps a feature map without variance harmless. */
const smallestVariance = 1e-6;

function relativeError(feature: Tensor4D, target: Tensor4D): Scalar {
  const { variance } = tf.moments(target);
  return tf.div(tf.mean(tf.squaredDifference(feature, target)), tf.maximum(variance, smallestVariance));
}
