/** @revq/backbone-linear: the plugin `linear`, a linear VAE. */
import { definePlugin, type OptionsOf } from "@revq/core";
import { z } from "zod";

const options = z
  .strictObject({
    patch: z.int().min(1).max(16).default(8).describe("Side of a patch in pixels; also the downsampling factor."),
    channels: z
      .int()
      .min(1)
      .default(8)
      .describe("Latent channels: the number of principal components, at most 3 * patch * patch."),
  })
  .refine(({ patch, channels }) => channels <= 3 * patch * patch, {
    path: ["channels"],
    message: "A patch has 3 * patch * patch values, so there are at most that many channels",
  });

export type LinearOptions = z.output<typeof options>;

export const linear = definePlugin({
  kind: "backbone",
  id: "linear",
  title: "Linear VAE: principal components of image patches, fitted on the training images in seconds",
  options,
  weights: "fitted",
  async create(options, { state }) {
    const { createLinearBackbone } = await import("./linear-backbone.js");
    return createLinearBackbone(options, state);
  },
});

declare module "@revq/core" {
  interface KnownBackbones {
    linear: OptionsOf<typeof linear>;
  }
}
