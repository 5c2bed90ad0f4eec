/**
 * A tiny autoencoder as a backbone. The networks see images in [0, 1]. Latents are the unchanged
 * output of the encoder, which imitates a large VAE's latents *after* that VAE's scaling. The
 * decoder squashes latents by 3 tanh(x / 3). Its image is not clamped: clamp to [-1, 1] before
 * showing or scoring, as the authors do.
 */
import { latentShapeOf, RevqError, underPrefix } from "@revq/core";
import type { Backbone, BackboneSpec, NamedTensors, WeightsSource } from "@revq/core";
import { runInChunks } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import { variants, type VariantName } from "./architecture.js";
import { createDecoderGradients } from "./decoder-gradients.js";
import { loadWeights } from "./load-weights.js";
import { createNetwork, type Network } from "./network.js";

/**
 * Image pixels in the network at once. A layer of 64 channels at full size takes 256 bytes a pixel.
 */
const pixelsAtOnce = 4 * 256 * 256;

const atOnce = (pixels: number): number => Math.max(1, Math.floor(pixelsAtOnce / pixels));

/** @throws RevqError `tae-*`, `model-*` and the errors of the files */
export async function loadTaeBackbone(
  wanted: VariantName | undefined,
  source: WeightsSource,
  note?: (line: string) => void,
): Promise<Backbone> {
  const { variant, tensors } = await loadWeights(wanted, source, note);
  return createBackbone(variant, tensors);
}

/**
 * @param state `encoder.*` and `decoder.*` in PyTorch's layout; copied
 * @throws RevqError `state-*`
 */
export function restoreTaeBackbone(variant: VariantName, state: NamedTensors): Backbone {
  const weights = Object.fromEntries(Object.entries(state).map(([name, tensor]) => [name, tf.clone(tensor)]));
  return createBackbone(variant, weights);
}

/** The weights are owned here from now on, also when this throws. */
function createBackbone(variant: VariantName, weights: NamedTensors): Backbone {
  const { latentChannels, downsample, scaling, encoder, decoder } = variants[variant];
  const spec: BackboneSpec = { name: variant, downsample, latentChannels, decodes: decoder !== undefined };
  const networks: Network[] = [];
  const free = (): void => {
    networks.forEach((network) => network.dispose());
    tf.dispose({ ...weights });
  };
  try {
    networks.push(createNetwork(encoder, underPrefix("encoder", weights)));
    if (decoder) networks.push(createNetwork(decoder, underPrefix("decoder", weights)));
  } catch (error) {
    free();
    throw error;
  }
  const [encoding, decoding] = networks as [Network, Network?];
  let disposed = false;

  return {
    spec,
    scaling,
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
          `${variant} has no decoder: it cannot make images from latents.`,
          {
            fix: "Score latents instead, or use a variant with a decoder: taesd, taesdxl, taesd3, taef1 or taef2.",
            setting: { path: "backbone.variant" },
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
    ...(decoder ? { gradients: createDecoderGradients(decoder, weights) } : {}),
    dispose() {
      if (disposed) return;
      disposed = true;
      free();
    },
  };
}
