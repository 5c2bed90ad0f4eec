/**
 * LPIPS, version 0.1: distance of two images in the normalized activations of a classifier,
 * weighted by learned heads. Zhang, Isola, Efros, Shechtman, Wang: The Unreasonable Effectiveness
 * of Deep Features as a Perceptual Metric, CVPR 2018. Same values as the authors' package `lpips`
 * (`net="squeeze" | "alex" | "vgg"`, `lpips=True`, `spatial=False`). Callers load the weights.
 */
import { requireTensor, RevqError, type Disposable, type NamedTensors } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs-core";
import { alexnet, featureTensors, squeezenet, tapChannels, vgg16, type FeatureNetwork } from "./feature-networks.js";
import type { LpipsNetwork } from "./lpips-networks.js";
import { createFeatureRunner } from "./run-features.js";

const networks: Readonly<Record<LpipsNetwork, FeatureNetwork>> = { squeeze: squeezenet, alex: alexnet, vgg: vgg16 };

/**
 * `ScalingLayer` of the authors' package: images in [-1, 1] to inputs of torchvision's classifiers.
 */
const shift = [-0.03, -0.088, -0.188];
const scale = [0.458, 0.448, 0.45];
/**
 * Keeps the norm of an all-zero activation and its gradient finite. (The authors add 1e-10 to the
 * root, so that the gradient is undefined.)
 */
const epsilon = 1e-20;

export interface Lpips extends Disposable {
  readonly network: LpipsNetwork;
  /** Side of the smallest image in pixels. */
  readonly minSide: number;
  /**
   * images `[n, H, W, 3]` float32 in [-1, 1] -> activations `[n, h, w, c]`, one for each tap. The
   * caller owns them, unless in `tf.tidy`.
   */
  features(images: Tensor4D): Tensor4D[];
  /**
   * Two results of `features` -> `[n]` distances, 0 for equal images. To compare one image with
   * many, run the network on it once.
   */
  compare(a: readonly Tensor4D[], b: readonly Tensor4D[]): Tensor1D;
  /**
   * images a, b `[n, H, W, 3]` float32 in [-1, 1] -> `[n]` distances. Differentiable in both.
   * Throws `lpips-too-small`.
   */
  distance(a: Tensor4D, b: Tensor4D): Tensor1D;
}

export interface LpipsWeights {
  /** torchvision's keys, `features.*`; a classifier's other tensors are ignored. */
  readonly backbone: NamedTensors;
  /** Keys of the authors' `weights/v0.1/*.pth`: `lin0.model.1.weight` `[1, c, 1, 1]`, … */
  readonly heads: NamedTensors;
}

/**
 * Names and shapes of the tensors that LPIPS needs, in PyTorch's layout.
 *
 * @example
 * const { backbone, heads } = lpipsTensors("squeeze");
 * backbone.get("features.0.weight"); // => [64, 3, 3, 3]
 * heads.get("lin0.model.1.weight"); // => [1, 64, 1, 1]
 */
export function lpipsTensors(
  network: LpipsNetwork,
): Record<keyof LpipsWeights, ReadonlyMap<string, readonly number[]>> {
  const channels = tapChannels(networks[network]);
  return {
    backbone: featureTensors(networks[network]),
    heads: new Map(channels.map((count, tap) => [headName(tap), [1, count, 1, 1]])),
  };
}

const headName = (tap: number): string => `lin${tap}.model.1.weight`;

/**
 * LPIPS with the given weights, which are copied. Throws `state-missing-tensor`,
 * `state-misshapen-tensor`.
 *
 * @example
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * await tf.setBackend("cpu");
 * const ones = (shapes) =>
 *   Object.fromEntries([...shapes].map(([name, shape]) => [name, tf.fill(shape, 0.01)]));
 * const { backbone, heads } = lpipsTensors("squeeze");
 * const lpips = createLpips("squeeze", { backbone: ones(backbone), heads: ones(heads) });
 * const images = tf.zeros([1, 32, 32, 3]);
 * await lpips.distance(images, images).data(); // => [0]
 * lpips.dispose();
 */
export function createLpips(network: LpipsNetwork, weights: LpipsWeights): Lpips {
  const { minSide } = networks[network];
  const runner = createFeatureRunner(networks[network], weights.backbone);
  const heads: Tensor4D[] = [...lpipsTensors(network).heads].map(([name, shape]) =>
    // [1, c, 1, 1] -> [1, 1, c, 1]: a 1x1 convolution to one channel
    tf.reshape(requireTensor(weights.heads, name, shape), [1, 1, shape[1]!, 1]),
  );
  const [shiftTensor, scaleTensor] = [tf.tensor1d(shift), tf.tensor1d(scale)];

  function features(images: Tensor4D): Tensor4D[] {
    const [, height, width] = images.shape;
    if (Math.min(height, width) < minSide) {
      throw new RevqError(
        "lpips-too-small",
        `LPIPS (${network}) needs images of at least ${minSide} pixels a side; got ${height} x ${width}.`,
      );
    }
    return tf.tidy(() => runner.run(tf.div(tf.sub(images, shiftTensor), scaleTensor)));
  }

  function compare(a: readonly Tensor4D[], b: readonly Tensor4D[]): Tensor1D {
    return tf.tidy(() => {
      const terms = heads.map((head, tap) => {
        const weighted = tf.conv2d(
          tf.squaredDifference<Tensor4D>(normalize(a[tap]!), normalize(b[tap]!)),
          head,
          1,
          "valid",
        );
        return tf.mean<Tensor1D>(weighted, [1, 2, 3]);
      });
      return tf.addN(terms);
    });
  }

  return {
    network,
    minSide,
    features,
    compare,
    distance: (a, b) => tf.tidy(() => compare(features(a), features(b))),
    dispose() {
      runner.dispose();
      tf.dispose([...heads, shiftTensor, scaleTensor] as Tensor[]);
    },
  };
}

/** Scales to unit length along the channels. */
function normalize(x: Tensor4D): Tensor4D {
  return tf.div(x, tf.sqrt(tf.add(tf.sum(tf.square(x), 3, true), epsilon)));
}
