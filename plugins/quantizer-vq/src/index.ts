/**
 * @revq/quantizer-vq: vector quantization with one codebook that all tokens share, the reference
 * for the others.
 */
import {
  definePlugin,
  requireSplitFits,
  sharedTokenLayout,
  tokenDimension,
  tokenSplits,
  type LatentShape,
  type OptionsOf,
  type QuantizerPlugin,
} from "@revq/core";
import { concreteSplit, cutFits, tokensAndCodes } from "@revq/plugin-kit/descriptor";
import { z } from "zod";

const maxCodes = 2 ** 20;
const defaultCodes = 1024;

const options = z.strictObject({
  tokens: z
    .int()
    .min(1)
    .optional()
    .describe("Tokens per image (T); must divide the latent. Default: one per position, the whole channel vector."),
  codes: z
    .int()
    .min(2)
    .max(maxCodes)
    .optional()
    .describe("Codes in the codebook (K). Default: 1024, or what a budget of bits gives."),
  split: z
    .enum(["auto", ...tokenSplits, "eigenvalue"])
    .default("auto")
    .describe(
      "What a token is: part of a position (spatial), all channels of a patch (patch), a strip of a channel (channel), a patch of one (block), or " +
        "coefficients chosen by variance (eigenvalue). auto: eigenvalue after a decorrelating transform, else spatial.",
    ),
  iterations: z.int().min(1).max(10_000).default(20).describe("Passes of k-means over the tokens."),
  samplesPerCode: z
    .int()
    .min(1)
    .default(1024)
    .describe("k-means uses at most this many tokens per code, of images drawn at random."),
});
type Options = z.output<typeof options>;

/** Vector quantization as in VQ-VAE (arXiv 1711.00937), with the codebook fitted by k-means. */
export const vq: QuantizerPlugin<typeof options> = definePlugin({
  kind: "quantizer",
  id: "vq",
  title: "Vector quantization (VQ-VAE): one codebook that all positions share",
  options,

  async resolve(given, request) {
    const { latentShape, transform } = request;
    const { tokens, codes } = tokensAndCodes(given, request, {
      defaultTokens: tokensOf(given, latentShape),
      defaultCodes,
      maxCodes,
      fits: (count) => cutFits(latentShape, count, given.split, transform(count)),
    });
    const split = concreteSplit(given.split, transform(tokens), "spatial");
    return [{ options: { ...given, tokens, codes, split }, reasons: [] }];
  },

  layout(given, latentShape) {
    const { codes = defaultCodes, split } = given;
    const tokens = tokensOf(given, latentShape);
    const dim = tokenDimension(latentShape, tokens);
    requireSplitFits(latentShape, dim, split);
    return { layout: sharedTokenLayout(tokens, codes, split), parameterCount: codes * dim };
  },

  async create(given, { latentShape, transform }) {
    const { VqQuantizer } = await import("./vq-quantizer.js");
    const [tokens, split] = [tokensOf(given, latentShape), concreteSplit(given.split, transform, "spatial")];
    const { codes = defaultCodes } = given;
    return new VqQuantizer(latentShape, transform, { ...given, tokens, codes, split });
  },
});

declare module "@revq/core" {
  interface KnownQuantizers {
    vq: OptionsOf<typeof vq>;
  }
}

function tokensOf({ tokens }: Options, { height, width }: LatentShape): number {
  return tokens ?? height * width;
}
