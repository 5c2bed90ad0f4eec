/** Options of the EfficientViT rectifier, and what is derived from them for a given latent. */
import { RevqError, type LatentShape } from "@revq/core";
import { z } from "zod";

export const optionsSchema = z.strictObject({
  channels: z
    .int()
    .positive()
    .optional()
    .describe(
      "width C of the network, a multiple of the latent's channels and of headDim; default: the smallest one from 64 on",
    ),
  layers: z.int().min(1).default(2).describe("number of EfficientViT blocks"),
  headDim: z.int().positive().default(32).describe("numbers per attention head"),
  expandRatio: z.int().positive().default(4).describe("width of the gated convolution, as a multiple of C"),
  outputSkip: z
    .boolean()
    .default(false)
    .describe("add the input to the output and start the last convolution at zero: training starts at the identity"),
});

export type EfficientVitOptions = z.output<typeof optionsSchema>;

/** Every size of the network, checked against each other. */
export interface EfficientVitSizes {
  readonly latentChannels: number;
  readonly channels: number;
  readonly layers: number;
  readonly headDim: number;
  /** Attention heads before the aggregation branch adds as many again: C / headDim. */
  readonly heads: number;
  /** Channels of one half of the gated convolution: expandRatio * C. */
  readonly hidden: number;
  readonly outputSkip: boolean;
}

const smallestDefaultChannels = 64;

/**
 * Fills in the open width and checks that the sizes fit. The shortcut of the first convolution repeats every latent channel
 * C / c times, so C must be a multiple of c (PyTorch fails on the addition otherwise), and heads are C / headDim.
 * @throws RevqError `rectifier-channels`
 */
export function resolveSizes(options: EfficientVitOptions, latentShape: LatentShape): EfficientVitSizes {
  const { layers, headDim, expandRatio, outputSkip } = options;
  const latentChannels = latentShape.channels;
  const unit = leastCommonMultiple(latentChannels, headDim);
  const channels = options.channels ?? unit * Math.ceil(smallestDefaultChannels / unit);
  if (channels % unit !== 0) {
    const below = Math.floor(channels / unit) * unit;
    const near = below > 0 ? [below, below + unit] : [unit];
    throw new RevqError(
      "rectifier-channels",
      `The rectifier's channels must be a multiple of the latent's ${latentChannels} channels and of headDim ${headDim}; ` +
        `got ${channels}.`,
      { fix: `Use rectifier.channels=${near.join(" or ")}, or leave it out.` },
    );
  }
  return {
    latentChannels,
    channels,
    layers,
    headDim,
    heads: channels / headDim,
    hidden: channels * expandRatio,
    outputSkip,
  };
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return (a / x) * b;
}
