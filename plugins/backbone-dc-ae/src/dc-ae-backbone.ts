/**
 * An AutoencoderDC as a backbone. Latents are the encoder's output as it is: a diffusion model would multiply them by the config's
 * `scaling_factor` first. The decoder's image is not clamped.
 */
import {
  latentShapeOf,
  requireTensor,
  RevqError,
  type Backbone,
  type BackboneSpec,
  type NamedTensors,
} from "@revq/core";
import { runInChunks, type ParameterOf } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import { architectureOf, expectedTensors, isDenseKernel } from "./architecture.js";
import { downsampleOf, parseConfig } from "./config.js";
import { runNetwork } from "./network.js";

/** Image pixels that run through a network at once: the first stage of the full-size model takes half a kilobyte a pixel and layer. */
const pixelsAtOnce = 2 * 256 * 256;

const atOnce = (pixels: number): number => Math.max(1, Math.floor(pixelsAtOnce / pixels));

/**
 * @param options `config`: what config.json says
 * @param weights by diffusers' names, dense 3x3 kernels as `[y, x, in, out]`; the backbone owns them from here on. Throws `dc-ae-config`, `state-*`.
 */
export function createDcAeBackbone(
  options: { readonly config: Record<string, unknown> },
  weights: NamedTensors,
): Backbone {
  const config = parseConfig(options.config, "The option config");
  const architecture = architectureOf(config);
  for (const [name, shape] of expectedTensors(architecture)) requireTensor(weights, name, engineShape(shape));
  const { latentChannels } = config;
  const downsample = downsampleOf(config);
  const spec: BackboneSpec = {
    name: `dc-ae f${downsample}c${latentChannels}`,
    downsample,
    latentChannels,
    decodes: true,
  };
  const parameter: ParameterOf = (name) => weights[name]!;
  let disposed = false;

  return {
    spec,
    options,
    async encode(images) {
      const [, height, width] = images.shape;
      const [{ height: h }, { height: w }] = [latentShapeOf(spec, height), latentShapeOf(spec, width)];
      return runInChunks(images, [h, w, latentChannels], atOnce(height * width), (x) =>
        runNetwork(architecture.encoder, x, parameter),
      );
    },
    async decode(latents) {
      const [, h, w, channels] = latents.shape;
      if (channels !== latentChannels) {
        throw new RevqError(
          "latent-shape",
          `Latents of ${channels} channels were given to ${spec.name}, which has ${latentChannels}.`,
        );
      }
      const [height, width] = [h * downsample, w * downsample];
      return runInChunks(latents, [height, width, 3], atOnce(height * width), (x) =>
        runNetwork(architecture.decoder, x, parameter),
      );
    },
    state: () => weights,
    dispose() {
      if (disposed) return;
      disposed = true;
      tf.dispose({ ...weights });
    },
  };
}

/** PyTorch's shape -> the shape that is kept. */
function engineShape(shape: readonly number[]): readonly number[] {
  const [out, input, y, x] = shape as [number, number, number, number];
  return isDenseKernel(shape) ? [y, x, input, out] : shape;
}
