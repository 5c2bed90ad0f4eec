/** @revq/backbone-tae: the plugin `tae`, tiny autoencoders that imitate the VAEs of large diffusion models. */
import { definePlugin, RevqError, type NamedTensors } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";
import { variantNames } from "./architecture.js";
import { loadWeights } from "./load-weights.js";
import { createTaeBackbone } from "./tae-backbone.js";

const options = z.strictObject({
  variant: z.enum(variantNames).default("taesd").describe("Which autoencoder; taesana has an encoder only."),
});

export type TaeOptions = z.output<typeof options>;

export const tae = definePlugin({
  kind: "backbone",
  id: "tae",
  title: "Tiny autoencoders: TAESD for SD, SDXL, SD3, FLUX.1, FLUX.2 (f8) and the encoder for Sana's DC-AE (f32)",
  options,
  weights: "required",
  async create({ variant }, { weights, state }) {
    let tensors: NamedTensors;
    if (state) tensors = Object.fromEntries(Object.entries(state).map(([name, tensor]) => [name, tf.clone(tensor)]));
    else if (weights) tensors = await loadWeights(variant, weights);
    else {
      throw new RevqError("backbone-weights", `The backbone tae needs the weights of ${variant}; none were named.`, {
        fix: `Give --weights FOLDER with ${variant}_encoder.safetensors${variant === "taesana" ? "" : ` and ${variant}_decoder.safetensors`}.`,
      });
    }
    try {
      return createTaeBackbone(variant, tensors);
    } catch (error) {
      tf.dispose({ ...tensors });
      throw error;
    }
  },
});
