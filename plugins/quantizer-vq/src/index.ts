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
import { concreteSplit, refuseBitBudget } from "@revq/plugin-kit/descriptor";
import { z } from "zod";

const options = z.strictObject({
  tokens: z
    .int()
    .min(1)
    .optional()
    .describe("Tokens per image (T); must divide the latent. Default: one per position, the whole channel vector."),
  codes: z
    .int()
    .min(2)
    .max(2 ** 20)
    .default(1024)
    .describe("Codes in the codebook (K)."),
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

  async resolve(given, { latentShape, bits, transform }) {
    refuseBitBudget("vq", bits, "tokens");
    const tokens = tokensOf(given, latentShape);
    return [
      { options: { ...given, tokens, split: concreteSplit(given.split, transform(tokens), "spatial") }, reasons: [] },
    ];
  },

  layout(given, latentShape) {
    const { codes, split } = given;
    const tokens = tokensOf(given, latentShape);
    const dim = tokenDimension(latentShape, tokens);
    requireSplitFits(latentShape, dim, split);
    return { layout: sharedTokenLayout(tokens, codes, split), parameterCount: codes * dim };
  },

  async create(given, { latentShape, transform }) {
    const { VqQuantizer } = await import("./vq-quantizer.js");
    const [tokens, split] = [tokensOf(given, latentShape), concreteSplit(given.split, transform, "spatial")];
    return new VqQuantizer(latentShape, transform, { ...given, tokens, split });
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
