/**
 * Options of the EfficientViT rectifier, and the sizes that follow from them for a given latent.
 */
import { RevqError, type LatentShape } from "@revq/core";
import { z } from "zod";

export const optionsSchema = z.strictObject({
  channels: z
    .int()
    .positive()
    .optional()
    .describe(
      "Width C of the network, a multiple of the latent's channels and of headDim; default: the smallest one from minChannels on.",
    ),
  minChannels: z.int().positive().optional().describe("Least width where channels is open; default: 64."),
  layers: z.int().min(1).default(2).describe("Number of EfficientViT blocks."),
  headDim: z.int().positive().default(32).describe("Channels per attention head."),
  expandRatio: z.int().positive().default(4).describe("Width of the gated convolution, as a multiple of C."),
  outputSkip: z
    .boolean()
    .default(false)
    .describe("Add the input to the output and start the last convolution at zero: training starts at the identity."),
});

export type EfficientVitOptions = z.output<typeof optionsSchema>;

/** The sizes of the network. They fit each other. */
export interface EfficientVitSizes {
  readonly latentChannels: number;
  readonly channels: number;
  readonly layers: number;
  readonly headDim: number;
  /** Channels of one half of the gated convolution: expandRatio * C. */
  readonly hidden: number;
  readonly outputSkip: boolean;
}

const defaultMinChannels = 64;

/**
 * Fills in the width if it is open, and checks that the sizes fit. The shortcut of the first
 * convolution repeats every latent channel C / c times, so C must be a multiple of c. There are C /
 * headDim attention heads, so C must be a multiple of headDim.
 * @throws RevqError `rectifier-channels`
 */
export function resolveSizes(options: EfficientVitOptions, latentShape: LatentShape): EfficientVitSizes {
  const { layers, headDim, expandRatio, outputSkip } = options;
  const latentChannels = latentShape.channels;
  const unit = leastCommonMultiple(latentChannels, headDim);
  const channels = options.channels ?? unit * Math.ceil((options.minChannels ?? defaultMinChannels) / unit);
  if (channels % unit !== 0) {
    const below = Math.floor(channels / unit) * unit;
    const near = below > 0 ? [below, below + unit] : [unit];
    throw new RevqError(
      "rectifier-channels",
      `The rectifier's channels must be a multiple of the latent's ${latentChannels} channels and of headDim ${headDim}; ` +
        `got ${channels}.`,
      {
        fix: `Use ${near.join(" or ")} channels, or leave the option out.`,
        setting: { path: "rectifier.channels", value: near[0]! },
      },
    );
  }
  return {
    latentChannels,
    channels,
    layers,
    headDim,
    hidden: channels * expandRatio,
    outputSkip,
  };
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return (a / x) * b;
}
