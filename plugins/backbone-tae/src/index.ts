/**
 * @revq/backbone-tae: the plugin `tae`, tiny autoencoders that imitate the VAEs of large diffusion
 * models.
 */
import { definePlugin, RevqError, type BackboneContext, type OptionsOf, type WeightsSource } from "@revq/core";
import { z } from "zod";
import { defaultVariant, halvesOf, variantNames, type VariantName } from "./architecture.js";

const options = z.strictObject({
  variant: z
    .enum(variantNames)
    .optional()
    .describe("Which autoencoder; default: the one of the weights, taesd among several. taesana has no decoder."),
});

export type TaeOptions = z.output<typeof options>;

export const tae = definePlugin({
  kind: "backbone",
  id: "tae",
  title: "Tiny autoencoders: TAESD for SD, SDXL, SD3, FLUX.1, FLUX.2 (f8) and the encoder for Sana's DC-AE (f32)",
  options,
  weights: "required",
  async resolve({ variant }, { weights, state }) {
    if (state) return { variant: variant ?? defaultVariant };
    const source = requireWeights(weights, variant);
    const { findVariant } = await import("./load-weights.js");
    return { variant: await findVariant(variant, source) };
  },
  async create({ variant }, { weights, state, note }) {
    if (state) {
      const { restoreTaeBackbone } = await import("./tae-backbone.js");
      return restoreTaeBackbone(variant ?? defaultVariant, state);
    }
    const source = requireWeights(weights, variant);
    const { loadTaeBackbone } = await import("./tae-backbone.js");
    return loadTaeBackbone(variant, source, note);
  },
});

declare module "@revq/core" {
  interface KnownBackbones {
    tae: OptionsOf<typeof tae>;
  }
}

function requireWeights(weights: BackboneContext["weights"], variant: VariantName = defaultVariant): WeightsSource {
  if (weights) return weights;
  const files = halvesOf(variant).map((half) => `${variant}_${half}.safetensors`);
  const repository = variant === "taesana" ? "" : `, or hf:madebyollin/${variant}`;
  throw new RevqError("backbone-weights", `The backbone tae needs the weights of ${variant}.`, {
    fix: `Name a folder that holds ${files.join(" and ")}${repository}.`,
    setting: { path: "backbone.weights" },
  });
}
