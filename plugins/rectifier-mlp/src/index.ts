/**
 * @revq/rectifier-mlp: the plugin `mlp`, a rectifier of matrix products. The paper compares this
 * kind of rectifier with others (arXiv 2507.10547, ablation of the rectifier).
 */
import { definePlugin, type OptionsOf } from "@revq/core";
import { optionsSchema } from "./options.js";
import { parameterCount } from "./parameters.js";

export const mlp = definePlugin({
  kind: "rectifier",
  id: "mlp",
  title: "Matrix products over positions and channels in turn (MLP-Mixer)",
  options: optionsSchema,
  sets: { kmeans: { outputSkip: true }, paper: { outputSkip: false } },
  parameterCount,
  async create(options, context) {
    const { createMlpRectifier } = await import("./mlp-rectifier.js");
    return createMlpRectifier(options, context);
  },
});

declare module "@revq/core" {
  interface KnownRectifiers {
    mlp: OptionsOf<typeof mlp>;
  }
}
