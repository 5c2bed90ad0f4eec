/**
 * @revq/backbone-dc-ae: the plugin `dc-ae`, deep-compression autoencoders in diffusers' form (the
 * paper's backbone).
 */
import { definePlugin, RevqError, type OptionsOf, type WeightsSource } from "@revq/core";
import { z } from "zod";

const options = z.strictObject({
  config: z
    .record(z.string(), z.unknown())
    .optional()
    .describe("Contents of the model's config.json; default: the file beside the weights."),
});

export type DcAeOptions = z.output<typeof options>;

export const dcAe = definePlugin({
  kind: "backbone",
  id: "dc-ae",
  title: "Deep-compression autoencoders: diffusers' AutoencoderDC (f32, f64, f128), the paper's",
  options,
  weights: "required",
  async resolve({ config }, { weights, state }) {
    if (config) return { config };
    if (state) throw noConfig();
    const { readModelConfig } = await import("@revq/formats");
    return { config: await readModelConfig(requireWeights(weights), "an AutoencoderDC") };
  },
  async create({ config }, { weights, state, note }) {
    const { loadDcAeBackbone, restoreDcAeBackbone } = await import("./dc-ae-backbone.js");
    if (!state) return loadDcAeBackbone(config, requireWeights(weights), note);
    if (!config) throw noConfig();
    return restoreDcAeBackbone(config, state);
  },
});

declare module "@revq/core" {
  interface KnownBackbones {
    "dc-ae": OptionsOf<typeof dcAe>;
  }
}

function requireWeights(weights: WeightsSource | undefined): WeightsSource {
  if (weights) return weights;
  throw new RevqError("backbone-weights", "The backbone dc-ae needs weights.", {
    fix: "Name a folder (config.json and diffusion_pytorch_model.safetensors), or hf:mit-han-lab/dc-ae-f32c32-sana-1.1-diffusers.",
    setting: { path: "backbone.weights" },
  });
}

function noConfig(): RevqError {
  return new RevqError(
    "dc-ae-config",
    "The tokenizer holds weights of dc-ae, but not the configuration of its network.",
    {
      fix: "Its config.json must have backbone.options.config. Was the file edited?",
    },
  );
}
