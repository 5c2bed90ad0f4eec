/**
 * @revq/rectifier-efficientvit: the plugin `efficientvit`, the rectifier of Quantize-then-Rectify:
 * EfficientViT blocks over the latent.
 */
import { definePlugin, type OptionsOf } from "@revq/core";
import { optionsSchema, resolveSizes } from "./options.js";
import { parameterCount } from "./parameters.js";

export const efficientvit = definePlugin({
  kind: "rectifier",
  id: "efficientvit",
  title: "EfficientViT blocks at the latent's own size (the paper's)",
  options: optionsSchema,
  sets: { kmeans: { outputSkip: true }, paper: { outputSkip: false }, latents: { minChannels: 128 } },
  parameterCount,
  async create(options, { latentShape, random }) {
    const sizes = resolveSizes(options, latentShape);
    const { createEfficientVitRectifier } = await import("./efficientvit-rectifier.js");
    return createEfficientVitRectifier(sizes, random);
  },
});

declare module "@revq/core" {
  interface KnownRectifiers {
    efficientvit: OptionsOf<typeof efficientvit>;
  }
}

export type { EfficientVitOptions } from "./options.js";
