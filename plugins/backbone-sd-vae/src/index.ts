/** @revq/backbone-sd-vae: the plugin `sd-vae`, the VAEs of Stable Diffusion, SDXL, SD3 and FLUX as diffusers keeps them. */
import { definePlugin, RevqError, type OptionsOf } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import { loadModel } from "./load-weights.js";
import { optionsSchema } from "./options.js";
import { createSdVaeBackbone } from "./sd-vae-backbone.js";

export const sdVae = definePlugin({
  kind: "backbone",
  id: "sd-vae",
  title: "The VAEs of Stable Diffusion 1.x and 2.x, SDXL, SD3, FLUX: diffusers' AutoencoderKL",
  options: optionsSchema,
  weights: "required",
  async create(options, { weights, state }) {
    if (state) {
      const { config } = options;
      if (!config) {
        throw new RevqError(
          "sd-vae-config",
          "The tokenizer holds weights of sd-vae, but not the config of the network.",
          { fix: "Its config.json must have backbone.options.config; was it edited?" },
        );
      }
      const owned = Object.fromEntries(Object.entries(state).map(([name, tensor]) => [name, tf.clone(tensor)]));
      return orDispose(owned, () => createSdVaeBackbone({ ...options, config }, owned));
    }
    if (!weights) {
      throw new RevqError("backbone-weights", "The backbone sd-vae needs weights; none were named.", {
        fix: "Give --weights with a folder (config.json and diffusion_pytorch_model.safetensors) or hf:stabilityai/sd-vae-ft-mse.",
      });
    }
    const model = await loadModel(weights, options.config);
    return orDispose(model.weights, () => createSdVaeBackbone({ ...options, config: model.config }, model.weights));
  },
});

declare module "@revq/core" {
  interface KnownBackbones {
    "sd-vae": OptionsOf<typeof sdVae>;
  }
}

function orDispose<T>(tensors: Readonly<Record<string, tf.Tensor>>, create: () => T): T {
  try {
    return create();
  } catch (error) {
    tf.dispose({ ...tensors });
    throw error;
  }
}

export { expectedTensors } from "./architecture.js";
export { downsampleOf, parseConfig, type AutoencoderKlConfig } from "./config.js";
export type { Layout } from "./layers.js";
export { createNetwork, toEngineLayout, toTorchLayout, type Network, type NetworkOptions } from "./network.js";
export type { SdVaeOptions } from "./options.js";
