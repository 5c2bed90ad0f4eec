/** Options of the rectifier `mlp`. */
import { z } from "zod";

export const optionsSchema = z.strictObject({
  channels: z.int().min(1).default(64).describe("Width of the network."),
  layers: z.int().min(1).default(3).describe("Mixer layers."),
  expandRatio: z.int().min(1).default(4).describe("Hidden width of the channel products, as a multiple of channels."),
  positionHidden: z.int().min(1).default(64).describe("Hidden width of the position products."),
  outputSkip: z
    .boolean()
    .default(false)
    .describe("Add the input to the output and start the last product at zero: training starts at the identity."),
});

export type MlpOptions = z.output<typeof optionsSchema>;
