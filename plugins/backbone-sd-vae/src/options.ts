/** Options of the backbone `sd-vae`. */
import { z } from "zod";

export const optionsSchema = z.strictObject({
  config: z
    .record(z.string(), z.unknown())
    .optional()
    .describe(
      "Contents of the model's config.json, or some of its fields; default: the file beside the weights, else what their shapes tell.",
    ),
  sample: z.boolean().default(false).describe("Use a sample of the posterior as the latent, instead of its mean."),
  seed: z
    .int()
    .min(0)
    .max(0xffffffff)
    .default(0)
    .describe("Seed of the samples: the same image always gives the same sample."),
  tile: z
    .int()
    .min(0)
    .default(0)
    .describe(
      "Cut larger images into tiles with this side in pixels and blend the seams as diffusers does; 0: no tiles.",
    ),
});

export type SdVaeOptions = z.output<typeof optionsSchema>;
