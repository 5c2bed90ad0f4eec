/** Options of the backbone `sd-vae`. */
import { z } from "zod";

export const optionsSchema = z.strictObject({
  config: z
    .record(z.string(), z.unknown())
    .optional()
    .describe("Contents of the model's config.json; default: the file beside the weights."),
  sample: z.boolean().default(false).describe("Latents are a sample of the posterior instead of its mean."),
  seed: z.int().min(0).max(0xffffffff).default(0).describe("Of the samples: the same image gives the same sample."),
  tile: z
    .int()
    .min(0)
    .default(0)
    .describe("Side in pixels of the tiles that larger images are cut into, seams blended as in diffusers; 0: none."),
});

export type SdVaeOptions = z.output<typeof optionsSchema>;
