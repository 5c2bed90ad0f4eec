/**
 * @revq/backbone-sd-vae: the plugin `sd-vae`, the VAEs of Stable Diffusion, SDXL, SD3 and FLUX in
 * diffusers' form or the original one.
 */
import { definePlugin, RevqError, type OptionsOf, type WeightsSource } from "@revq/core";
import { optionsSchema } from "./options.js";

export const sdVae = definePlugin({
  kind: "backbone",
  id: "sd-vae",
  title: "The VAEs of Stable Diffusion 1.x and 2.x, SDXL, SD3, FLUX: diffusers' AutoencoderKL",
  options: optionsSchema,
  weights: "required",
  async resolve(options, { weights, state }) {
    if (state) {
      if (options.config) return options;
      throw noConfig();
    }
    const { readConfig } = await import("./load-weights.js");
    return { ...options, config: await readConfig(requireWeights(weights), options.config) };
  },
  async create(options, { weights, state, note }) {
    const { loadSdVaeBackbone, restoreSdVaeBackbone } = await import("./sd-vae-backbone.js");
    if (!state) return loadSdVaeBackbone(options, requireWeights(weights), note);
    if (!options.config) throw noConfig();
    return restoreSdVaeBackbone({ ...options, config: options.config }, state);
  },
});

declare module "@revq/core" {
  interface KnownBackbones {
    "sd-vae": OptionsOf<typeof sdVae>;
  }
}

function requireWeights(weights: WeightsSource | undefined): WeightsSource {
  if (weights) return weights;
  throw new RevqError("backbone-weights", "The backbone sd-vae needs weights.", {
    fix: "Name a folder (config.json and diffusion_pytorch_model.safetensors), a file such as ae.safetensors, or hf:stabilityai/sd-vae-ft-mse.",
    setting: { path: "backbone.weights" },
  });
}

function noConfig(): RevqError {
  return new RevqError(
    "sd-vae-config",
    "The tokenizer holds weights of sd-vae, but not the configuration of its network.",
    {
      fix: "Its config.json must have backbone.options.config. Was the file edited?",
    },
  );
}

export { expectedTensors } from "./architecture.js";
export { downsampleOf, parseConfig, type AutoencoderKlConfig } from "./config.js";
export type { SdVaeOptions } from "./options.js";
