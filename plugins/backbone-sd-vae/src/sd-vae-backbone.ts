/**
 * An AutoencoderKL as a backbone. Latents are the mean of the encoder's posterior (or a sample of
 * it), unscaled: a diffusion model would use (latent - shift_factor) * scaling_factor. The
 * decoder's image is not clamped.
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
import { runInChunks } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { expectedTensors } from "./architecture.js";
import { downsampleOf, parseConfig } from "./config.js";
import { createDecoderGradients } from "./decoder-gradients.js";
import type { Layout } from "./layers.js";
import { loadModel } from "./load-weights.js";
import { createNetwork } from "./network.js";
import type { SdVaeOptions } from "./options.js";
import { posteriorMean, posteriorSample } from "./posterior.js";
import { runTiled } from "./tiling.js";

/**
 * Elements of a layer at full resolution in one call of the network, 64 MiB; at least one image.
 */
const elementsAtOnce = 2 ** 24;

/** Options with the contents of config.json. */
type Resolved = SdVaeOptions & { readonly config: Record<string, unknown> };

/** @throws RevqError `sd-vae-*`, `model-*` and the errors of the files */
export async function loadSdVaeBackbone(
  options: SdVaeOptions,
  source: WeightsSource,
  note?: (line: string) => void,
): Promise<Backbone> {
  const { config, weights } = await loadModel(source, options.config, note);
  return createBackbone({ ...options, config }, weights);
}

/**
 * @param state by diffusers' names, in tfjs' layout; copied
 * @throws RevqError `sd-vae-*`, `state-*`
 */
export function restoreSdVaeBackbone(options: Resolved, state: NamedTensors): Backbone {
  const weights = Object.fromEntries(Object.entries(state).map(([name, tensor]) => [name, tf.clone(tensor)]));
  return createBackbone(options, weights);
}

/** The weights are owned here from now on, also when this throws. */
function createBackbone(options: Resolved, weights: NamedTensors): Backbone {
  try {
    return checkedBackbone(options, weights);
  } catch (error) {
    tf.dispose({ ...weights });
    throw error;
  }
}

function checkedBackbone(options: Resolved, weights: NamedTensors): Backbone {
  const config = parseConfig(options.config, "The option config");
  for (const [name, shape] of expectedTensors(config)) requireTensor(weights, name, engineShape(shape));
  const layout = layoutOf(tf.getBackend());
  const network = createNetwork(config, weights, { frozen: true, layout });
  const { latentChannels } = config;
  const downsample = downsampleOf(config);
  const { tile, sample, seed } = options;
  if (tile % downsample !== 0 || (tile !== 0 && tile < 4 * downsample)) {
    throw new RevqError("sd-vae-tile", `Tiles of ${tile} pixels do not fit an encoder that reduces by ${downsample}.`, {
      fix: `Use a multiple of ${downsample} from ${4 * downsample} on, or 0 for no tiles. The model was trained at ${config.sampleSize} pixels.`,
      setting: { path: "backbone.tile" },
    });
  }
  const spec: BackboneSpec = {
    name: `sd-vae f${downsample}c${latentChannels}`,
    downsample,
    latentChannels,
    decodes: true,
  };
  const atOnce = (pixels: number): number =>
    Math.max(1, Math.floor(elementsAtOnce / (pixels * config.blockOutChannels[0]!)));
  let disposed = false;

  /** Runs on `[n, h, w, c]`, in and out, with a network of either layout. */
  const inLayout =
    (run: (x: Tensor4D) => Tensor4D) =>
    (x: Tensor4D): Tensor4D =>
      layout === "NHWC" ? run(x) : tf.transpose(run(tf.transpose(x, [0, 3, 1, 2])), [0, 2, 3, 1]);

  async function moments(images: Tensor4D): Promise<Tensor4D> {
    const [, height, width] = images.shape;
    const output = [height / downsample, width / downsample, 2 * latentChannels] as const;
    return runInChunks(images, output, atOnce(height * width), inLayout(network.encode));
  }
  async function pixels(latents: Tensor4D): Promise<Tensor4D> {
    const [, h, w] = latents.shape;
    const [height, width] = [h * downsample, w * downsample];
    return runInChunks(latents, [height, width, 3], atOnce(height * width), inLayout(network.decode));
  }
  const isLarge = (height: number, width: number): boolean => tile > 0 && Math.max(height, width) > tile;

  return {
    spec,
    ...(config.scaling === undefined ? {} : { scaling: config.scaling }),
    async encode(images) {
      const [n, height, width] = images.shape;
      latentShapeOf(spec, height);
      latentShapeOf(spec, width);
      const posterior =
        n > 0 && isLarge(height, width)
          ? await runTiled(images, tile, tile / downsample, moments)
          : await moments(images);
      const latents =
        sample && n > 0 ? await posteriorSample(posterior, images, seed) : tf.tidy(() => posteriorMean(posterior));
      posterior.dispose();
      return latents;
    },
    async decode(latents) {
      const [n, h, w, channels] = latents.shape;
      if (channels !== latentChannels) {
        throw new RevqError(
          "latent-shape",
          `Latents of ${channels} channels were given to ${spec.name}, which has ${latentChannels}.`,
        );
      }
      return n > 0 && isLarge(h * downsample, w * downsample)
        ? runTiled(latents, tile / downsample, tile, pixels)
        : pixels(latents);
    },
    state: () => weights,
    gradients: createDecoderGradients(config, weights, layout),
    dispose() {
      if (disposed) return;
      disposed = true;
      tf.dispose({ ...weights });
    },
  };
}

/**
 * ONNX Runtime convolves with channels first: channels last takes 20 % more time and 25 % more
 * memory. Other engines are made for channels last.
 */
function layoutOf(backend: string | undefined): Layout {
  return backend === "onnx" ? "NCHW" : "NHWC";
}

/** PyTorch's shape -> the shape in tfjs' layout. */
function engineShape(shape: readonly number[]): readonly number[] {
  if (shape.length !== 4) return [...shape].reverse();
  const [out, input, y, x] = shape as [number, number, number, number];
  return [y, x, input, out];
}
