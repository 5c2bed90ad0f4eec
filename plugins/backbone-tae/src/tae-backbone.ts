/**
 * A tiny autoencoder as a backbone. Inside, images are in [0, 1]; latents are the network's output as it is, which imitates a large
 * VAE's latents *after* that VAE's scaling. The decoder squashes latents by 3 tanh(x / 3) and does not clamp its image: clamp to [-1, 1]
 * before showing or scoring, as the authors do.
 */
import { latentShapeOf, RevqError, underPrefix } from "@revq/core";
import type { Backbone, BackboneSpec, NamedTensors } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import { variants, type VariantName } from "./architecture.js";
import { createNetwork, type Network } from "./network.js";

/** Image pixels that run through a network at once: the 64 channels at full size take 256 bytes a pixel and layer. */
const pixelsAtOnce = 4 * 256 * 256;

/** @param weights `encoder.*` and `decoder.*` in PyTorch's layout; the backbone owns them from here on. Throws `state-*`. */
export function createTaeBackbone(variant: VariantName, weights: NamedTensors): Backbone {
  const { latentChannels, downsample, encoder, decoder } = variants[variant];
  const spec: BackboneSpec = { name: variant, downsample, latentChannels, decodes: decoder !== undefined };
  const encoding = createNetwork(encoder, underPrefix("encoder", weights));
  const decoding = decoder && createOrDispose(() => createNetwork(decoder, underPrefix("decoder", weights)), encoding);
  let disposed = false;

  return {
    spec,
    async encode(images) {
      const [n, height, width] = images.shape;
      const [{ height: h }, { height: w }] = [latentShapeOf(spec, height), latentShapeOf(spec, width)];
      if (n === 0) return tf.zeros([0, h, w, latentChannels]); // no backend's kernels take an empty batch
      const output = [height / downsample, width / downsample, latentChannels] as const;
      return runInChunks(images, height * width, output, (x) => encoding.run(tf.div(tf.add(x, 1), 2)));
    },
    async decode(latents) {
      if (!decoding) {
        throw new RevqError(
          "backbone-cannot-decode",
          `${variant} has an encoder only: it cannot make images of latents.`,
          {
            fix: "Score latents instead, or use a variant with a decoder: taesd, taesdxl, taesd3, taef1 or taef2.",
          },
        );
      }
      const [n, height, width, channels] = latents.shape;
      if (channels !== latentChannels) {
        throw new RevqError(
          "latent-shape",
          `Latents of ${channels} channels were given to ${variant}, which has ${latentChannels}.`,
        );
      }
      if (n === 0) return tf.zeros([0, height * downsample, width * downsample, 3]);
      const output = [height * downsample, width * downsample, 3] as const;
      return runInChunks(latents, output[0] * output[1], output, (x) => tf.sub(tf.mul(decoding.run(x), 2), 1));
    },
    state: () => weights,
    dispose() {
      if (disposed) return;
      disposed = true;
      [encoding, decoding].forEach((network: Network | undefined) => network?.dispose());
      tf.dispose({ ...weights });
    },
  };
}

function createOrDispose(create: () => Network, other: Network): Network {
  try {
    return create();
  } catch (error) {
    other.dispose();
    throw error;
  }
}

/** Some images at a time, so that memory stays bounded whatever the batch; lets timers and signals through between them. */
async function runInChunks(
  batch: tf.Tensor4D,
  pixelsEach: number,
  output: readonly [height: number, width: number, channels: number],
  run: (x: tf.Tensor4D) => tf.Tensor4D,
): Promise<tf.Tensor4D> {
  const [n, height, width, channels] = batch.shape;
  if (n === 0) return tf.zeros([0, ...output]);
  const size = Math.max(1, Math.floor(pixelsAtOnce / pixelsEach));
  const parts: tf.Tensor4D[] = [];
  try {
    for (let start = 0; start < n; start += size) {
      if (start > 0) await new Promise((resolve) => setTimeout(resolve));
      const count = Math.min(size, n - start);
      parts.push(tf.tidy(() => run(tf.slice(batch, [start, 0, 0, 0], [count, height, width, channels]))));
    }
    return tf.concat(parts, 0);
  } finally {
    tf.dispose(parts);
  }
}
