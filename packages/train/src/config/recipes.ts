/** The recipes by name and their default settings. What a recipe does is in `recipes/`. */
import type { QuantizerPlugin } from "@revq/core";
import type { ConfigLayer } from "./layer.js";

export const recipeNames = ["kmeans", "paper"] as const;
export type RecipeName = (typeof recipeNames)[number];

/** The id that stands for the transform that is best on held-out data. */
export const autoTransform = "auto";

/** The quantizer of recipe `kmeans` where there are latents and no pictures. */
export const latentQuantizer = "trellis";

/** A recipe's defaults. `paper`: arXiv 2507.10547, section 4.1, and the authors' code. */
export const recipeDefaults: Readonly<Record<RecipeName, (quantizer: QuantizerPlugin) => ConfigLayer>> = {
  kmeans: (quantizer) => ({
    train: { epochs: "auto", batch: 16, learningRate: 1e-3, rectifierRate: 1 },
    ...(quantizer.transform === "auto" ? { transform: { id: autoTransform } } : {}),
  }),
  paper: () => ({
    transform: { metric: "standardized" },
    train: { epochs: 100, batch: 256, learningRate: 0.01, rectifierRate: 0.05 },
  }),
};
