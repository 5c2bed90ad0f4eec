/** @revq/backbone-tae: the plugin `tae`, tiny autoencoders that imitate the VAEs of large diffusion models. */
import { definePlugin, RevqError, type NamedTensors, type OptionsOf } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";
import { variantNames, type VariantName } from "./architecture.js";
import { halvesOf } from "./find-weights.js";
import { loadWeights } from "./load-weights.js";
import { createTaeBackbone } from "./tae-backbone.js";

const options = z.strictObject({
  variant: z
    .enum(variantNames)
    .optional()
    .describe("Which autoencoder; default: what the weights are, taesd among several. taesana has an encoder only."),
});

export type TaeOptions = z.output<typeof options>;

export const tae = definePlugin({
  kind: "backbone",
  id: "tae",
  title: "Tiny autoencoders: TAESD for SD, SDXL, SD3, FLUX.1, FLUX.2 (f8) and the encoder for Sana's DC-AE (f32)",
  options,
  weights: "required",
  async create({ variant }, { weights, state }) {
    const loaded = state
      ? { variant: variant ?? "taesd", tensors: cloned(state) }
      : await loadWeights(variant, weights ?? fail(noWeights(variant ?? "taesd")));
    try {
      return createTaeBackbone(loaded.variant, loaded.tensors);
    } catch (error) {
      tf.dispose({ ...loaded.tensors });
      throw error;
    }
  },
});

declare module "@revq/core" {
  interface KnownBackbones {
    tae: OptionsOf<typeof tae>;
  }
}

function cloned(state: NamedTensors): NamedTensors {
  return Object.fromEntries(Object.entries(state).map(([name, tensor]) => [name, tf.clone(tensor)]));
}

function noWeights(variant: VariantName): RevqError {
  const files = halvesOf(variant).map((half) => `${variant}_${half}.safetensors`);
  return new RevqError("backbone-weights", `The backbone tae needs the weights of ${variant}; none were named.`, {
    fix: `Give --weights with a folder that holds ${files.join(" and ")}${variant === "taesana" ? "" : `, or hf:madebyollin/${variant}`}.`,
  });
}

function fail(error: Error): never {
  throw error;
}
