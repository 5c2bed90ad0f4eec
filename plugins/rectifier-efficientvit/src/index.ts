/** @revq/rectifier-efficientvit: the rectifier of Quantize-then-Rectify, a stage of EfficientViT blocks over the latent. */
import { definePlugin, type OptionsOf } from "@revq/core";
import { optionsSchema, resolveSizes } from "./options.js";
import { parameterCount } from "./parameters.js";
import { EfficientVitRectifier } from "./rectifier.js";

export const efficientvit = definePlugin({
  kind: "rectifier",
  id: "efficientvit",
  title: "EfficientViT blocks at the latent's own size (the paper's)",
  options: optionsSchema,
  recipes: { fit: { outputSkip: true }, paper: { outputSkip: false } },
  describe: (options, { latentShape }) => ({ parameters: parameterCount(options, latentShape) }),
  create: (options, { latentShape, random }) => new EfficientVitRectifier(resolveSizes(options, latentShape), random),
});

declare module "@revq/core" {
  interface KnownRectifiers {
    efficientvit: OptionsOf<typeof efficientvit>;
  }
}

export { resolveSizes, type EfficientVitOptions, type EfficientVitSizes } from "./options.js";
export { parameterCount, parameterTable, torchNames, type ParameterSpec } from "./parameters.js";
export { EfficientVitRectifier } from "./rectifier.js";
