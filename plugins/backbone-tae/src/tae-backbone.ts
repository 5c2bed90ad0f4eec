/**
 * A tiny autoencoder as a backbone. Inside, images are in [0, 1]; latents are the network's output as it is, which imitates a large
 * VAE's latents *after* that VAE's scaling. The decoder squashes latents by 3 tanh(x / 3) and does not clamp its image: clamp to [-1, 1]
 * before showing or scoring, as the authors do.
 */
import { latentShapeOf, RevqError, underPrefix } from "@revq/core";
import type { Backbone, BackboneSpec, NamedTensors } from "@revq/core";
import { runInChunks } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import { variants, type VariantName } from "./architecture.js";
import { createNetwork, type Network } from "./network.js";

/** Image pixels that run through a network at once: the 64 channels at full size take 256 bytes a pixel and layer. */
const pixelsAtOnce = 4 * 256 * 256;

const atOnce = (pixels: number): number => Math.max(1, Math.floor(pixelsAtOnce / pixels));

/** @param weights `encoder.*` and `decoder.*` in PyTorch's layout; the backbone owns them from here on. Throws `state-*`. */
export function createTaeBackbone(variant: VariantName, weights: NamedTensors): Backbone {
  const { latentChannels, downsample, encoder, decoder } = variants[variant];
  const spec: BackboneSpec = { name: variant, downsample, latentChannels, decodes: decoder !== undefined };
  const encoding = createNetwork(encoder, underPrefix("encoder", weights));
  const decoding = decoder && createOrDispose(() => createNetwork(decoder, underPrefix("decoder", weights)), encoding);
  let disposed = false;

  return {
    spec,
    options: { variant },
    async encode(images) {
      const [, height, width] = images.shape;
      const [{ height: h }, { height: w }] = [latentShapeOf(spec, height), latentShapeOf(spec, width)];
      return runInChunks(images, [h, w, latentChannels], atOnce(height * width), (x) =>
        encoding.run(tf.div(tf.add(x, 1), 2)),
      );
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
      const [, h, w, channels] = latents.shape;
      if (channels !== latentChannels) {
        throw new RevqError(
          "latent-shape",
          `Latents of ${channels} channels were given to ${variant}, which has ${latentChannels}.`,
        );
      }
      const [height, width] = [h * downsample, w * downsample];
      return runInChunks(latents, [height, width, 3], atOnce(height * width), (x) =>
        tf.sub(tf.mul(decoding.run(x), 2), 1),
      );
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
