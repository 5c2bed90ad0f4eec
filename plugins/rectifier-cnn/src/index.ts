/**
 * @revq/rectifier-cnn: the plugin `cnn`, a rectifier of residual 3x3 convolutions. The paper
 * compares this kind of rectifier with others (arXiv 2507.10547, ablation of the rectifier).
 */
import { definePlugin, type OptionsOf } from "@revq/core";
import { optionsSchema } from "./options.js";
import { parameterCount } from "./parameters.js";

export const cnn = definePlugin({
  kind: "rectifier",
  id: "cnn",
  title: "Residual 3x3 convolutions",
  options: optionsSchema,
  sets: { kmeans: { outputSkip: true }, paper: { outputSkip: false } },
  parameterCount,
  async create(options, context) {
    const { createCnnRectifier } = await import("./cnn-rectifier.js");
    return createCnnRectifier(options, context);
  },
});

declare module "@revq/core" {
  interface KnownRectifiers {
    cnn: OptionsOf<typeof cnn>;
  }
}
