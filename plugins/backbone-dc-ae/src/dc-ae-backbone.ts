/**
 * An AutoencoderDC as a backbone. Latents are the encoder's output, unscaled: a diffusion model
 * would first multiply them by the config's `scaling_factor`. The decoder's image is not clamped.
 */
import {
  latentShapeOf,
  requireTensor,
  RevqError,
  type Backbone,
  type BackboneSpec,
  type NamedTensors,
  type WeightsSource,
} from "@revq/core";
import { runInChunks, type ParameterOf } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import { architectureOf, decoderStages, expectedTensors, isDenseKernel } from "./architecture.js";
import { downsampleOf, parseConfig, type AutoencoderDcConfig } from "./config.js";
import { loadModel } from "./load-weights.js";
import { runDecoder, runNetwork } from "./network.js";

/**
 * Image pixels in a network at once. The first stage of the full-size model takes 512 bytes a pixel
 * and layer.
 */
const pixelsAtOnce = 2 * 256 * 256;

const atOnce = (pixels: number): number => Math.max(1, Math.floor(pixelsAtOnce / pixels));

/**
 * @param given contents of config.json, instead of the file's
 * @throws RevqError `dc-ae-config`, `model-*` and the errors of the files
 */
export async function loadDcAeBackbone(
  given: Record<string, unknown> | undefined,
  source: WeightsSource,
  note?: (line: string) => void,
): Promise<Backbone> {
  const { config, weights } = await loadModel(source, given, note);
  return createBackbone(config, weights);
}

/**
 * @param json contents of config.json
 * @param state by diffusers' names, dense 3x3 kernels as `[y, x, in, out]`; copied
 * @throws RevqError `dc-ae-config`, `state-*`
 */
export function restoreDcAeBackbone(json: Record<string, unknown>, state: NamedTensors): Backbone {
  const config = parseConfig(json, "The option config");
  for (const [name, shape] of expectedTensors(architectureOf(config))) requireTensor(state, name, engineShape(shape));
  const weights = Object.fromEntries(Object.entries(state).map(([name, tensor]) => [name, tf.clone(tensor)]));
  return createBackbone(config, weights);
}

/** The backbone owns the weights from here on. */
function createBackbone(config: AutoencoderDcConfig, weights: NamedTensors): Backbone {
  const architecture = architectureOf(config);
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
    scaling: { scale: config.scalingFactor, shift: 0, applied: false },
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
    gradients: {
      stages: decoderStages(architecture),
      decode: (latents, replaced = {}) =>
        runDecoder(architecture.decoder, latents, (name) => replaced[name] ?? weights[name]!),
    },
    dispose() {
      if (disposed) return;
      disposed = true;
      tf.dispose({ ...weights });
    },
  };
}

/** PyTorch's shape -> the shape in the state. */
function engineShape(shape: readonly number[]): readonly number[] {
  const [out, input, y, x] = shape as [number, number, number, number];
  return isDenseKernel(shape) ? [y, x, input, out] : shape;
}
