/** @revq/backbone-dc-ae: the plugin `dc-ae`, deep-compression autoencoders as diffusers keeps them (the paper's backbone). */
import { definePlugin, RevqError, type OptionsOf } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";
import { createDcAeBackbone } from "./dc-ae-backbone.js";
import { loadModel } from "./load-weights.js";

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
  async create({ config }, { weights, state }) {
    if (state) {
      if (!config) {
        throw new RevqError(
          "dc-ae-config",
          "The tokenizer holds weights of dc-ae, but not the config of the network.",
          {
            fix: "Its config.json must have backbone.options.config; was it edited?",
          },
        );
      }
      const owned = Object.fromEntries(Object.entries(state).map(([name, tensor]) => [name, tf.clone(tensor)]));
      return orDispose(owned, () => createDcAeBackbone({ config }, owned));
    }
    if (!weights) {
      throw new RevqError("backbone-weights", "The backbone dc-ae needs weights; none were named.", {
        fix: "Give --weights with a folder (config.json and diffusion_pytorch_model.safetensors) or hf:mit-han-lab/dc-ae-f32c32-sana-1.1-diffusers.",
      });
    }
    const model = await loadModel(weights, config);
    return orDispose(model.weights, () => createDcAeBackbone(model.options, model.weights));
  },
});

declare module "@revq/core" {
  interface KnownBackbones {
    "dc-ae": OptionsOf<typeof dcAe>;
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

export { architectureOf, expectedTensors, type Architecture, type Layer } from "./architecture.js";
export { parseConfig, type AutoencoderDcConfig } from "./config.js";
