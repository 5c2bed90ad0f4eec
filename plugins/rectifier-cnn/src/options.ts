/** Options of the rectifier `cnn`. */
import { z } from "zod";

export const optionsSchema = z.strictObject({
  channels: z.int().min(1).default(64).describe("Width of the network."),
  layers: z.int().min(1).default(3).describe("Residual blocks of two convolutions each."),
  outputSkip: z
    .boolean()
    .default(false)
    .describe("Add the input to the output and start the last convolution at zero: training starts at the identity."),
});

export type CnnOptions = z.output<typeof optionsSchema>;
