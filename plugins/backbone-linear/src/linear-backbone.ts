/**
 * A linear VAE: subtracts the mean patch from each patch of p x p x 3 pixels and projects the rest
 * onto c orthonormal directions, and back. Latents are the projections, unscaled, so their squared
 * error is that of the pixels. No linear autoencoder of this shape has a smaller one. It is a
 * baseline for learned VAEs.
 */
import { latentShapeOf, requireTensor, RevqError } from "@revq/core";
import type { Backbone, BackboneSpec, NamedTensors } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import { fitPrincipalComponents } from "./fit.js";

/** `mean` `[d]` and `basis` `[channels, d]`, d = patch * patch * 3 in the order (y, x, channel). */
interface LinearTensors {
  readonly mean: tf.Tensor1D;
  readonly basis: tf.Tensor2D;
}

/**
 * @param state `state()` of a fitted backbone, copied; without it the backbone must be fitted
 * before use
 * @throws RevqError `state-*`
 */
export function createLinearBackbone(
  { patch, channels }: { readonly patch: number; readonly channels: number },
  state?: NamedTensors,
): Backbone {
  const dimension = patch * patch * 3;
  const spec: BackboneSpec = {
    name: `linear ${patch}x${patch} -> ${channels}`,
    downsample: patch,
    latentChannels: channels,
    decodes: true,
  };
  let tensors: LinearTensors | undefined;
  if (state) {
    tensors = {
      mean: tf.clone(requireTensor(state, "mean", [dimension])) as tf.Tensor1D,
      basis: tf.clone(requireTensor(state, "basis", [channels, dimension])) as tf.Tensor2D,
    };
  }

  function dispose(): void {
    tensors?.mean.dispose();
    tensors?.basis.dispose();
    tensors = undefined;
  }

  function fittedTensors(): LinearTensors {
    if (tensors) return tensors;
    throw new RevqError("backbone-not-fitted", `The backbone ${spec.name} has no weights yet.`, {
      fix: "Fit it on images, or open a tokenizer that holds it.",
    });
  }

  function decode(latents: tf.Tensor4D, { mean, basis }: LinearTensors): tf.Tensor4D {
    const [n, h, w] = latents.shape;
    const patches = tf.add(tf.matMul(tf.reshape(latents, [n * h * w, channels]), basis), mean);
    return tf.reshape(swapMiddle(patches, n * h, w, patch), [n, h * patch, w * patch, 3]);
  }

  return {
    spec,
    fit: {
      get fitted() {
        return tensors !== undefined;
      },
      async run(images, context) {
        const { mean, basis } = await fitPrincipalComponents(images, { patch, channels }, context);
        dispose();
        tensors = { mean: tf.tensor1d(mean), basis: tf.tensor2d(basis, [channels, dimension]) };
      },
    },
    async encode(images) {
      const { mean, basis } = fittedTensors();
      const [n, height, width] = images.shape;
      latentShapeOf(spec, height);
      latentShapeOf(spec, width);
      const [h, w] = [height / patch, width / patch];
      if (n === 0) return tf.zeros([0, h, w, channels]); // no backend's kernels take an empty batch
      return tf.tidy(() => {
        const patches = tf.reshape(swapMiddle(images, n * h, patch, w), [n * h * w, dimension]);
        return tf.reshape<tf.Rank.R4>(tf.matMul(tf.sub(patches, mean), basis, false, true), [n, h, w, channels]);
      });
    },
    async decode(latents) {
      const given = fittedTensors();
      const [n, h, w] = latents.shape;
      if (n === 0) return tf.zeros([0, h * patch, w * patch, 3]);
      return tf.tidy(() => decode(latents, given));
    },
    gradients: {
      stages: [["mean", "basis"]],
      decode: (latents, weights) => ({ images: decode(latents, { ...fittedTensors(), ...weights }), features: [] }),
    },
    state: () => ({ ...fittedTensors() }),
    dispose,
  };

  /**
   * `[rows, a, b, patch * 3]` -> `[rows, b, a, patch * 3]`: rows of pixels to patches, and back.
   */
  function swapMiddle(x: tf.Tensor, rows: number, a: number, b: number): tf.Tensor {
    return tf.transpose(tf.reshape(x, [rows, a, b, patch * 3]), [0, 2, 1, 3]);
  }
}
