/** The plugin descriptor: `--quantizer vq`. */
import { definePlugin, tokenDimension, type LatentShape, type QuantizerPlugin, type OptionsOf } from "@revq/core";
import { sharedTokenSpec } from "@revq/plugin-kit";
import { z } from "zod";
import { VqQuantizer } from "./vq-quantizer.js";

const options = z.strictObject({
  tokens: z
    .int()
    .min(1)
    .optional()
    .describe("Tokens per image (T); must divide the latent. Default: one a position, the whole channel vector."),
  codes: z
    .int()
    .min(2)
    .max(2 ** 20)
    .default(1024)
    .describe("Codes in the codebook (K)."),
  iterations: z.int().min(1).max(10_000).default(20).describe("Passes of k-means over the tokens."),
  samplesPerCode: z
    .int()
    .min(1)
    .default(1024)
    .describe("k-means looks at this many tokens per code at most, of images drawn at random."),
});

/** Vector quantization as in VQ-VAE (arXiv 1711.00937), with the codebook fitted by k-means. */
export const vq: QuantizerPlugin<typeof options> = definePlugin({
  kind: "quantizer",
  id: "vq",
  title: "Vector quantization (VQ-VAE): one codebook that all positions share",
  options,
  describe({ tokens, codes }, { latentShape }) {
    const count = tokensOf(tokens, latentShape);
    return { tokens: sharedTokenSpec(count, codes), parameters: codes * tokenDimension(latentShape, count) };
  },
  create: ({ tokens, ...settings }, { latentShape }) =>
    new VqQuantizer(latentShape, { ...settings, tokens: tokensOf(tokens, latentShape) }),
});

declare module "@revq/core" {
  interface KnownQuantizers {
    vq: OptionsOf<typeof vq>;
  }
}

function tokensOf(tokens: number | undefined, { height, width }: LatentShape): number {
  return tokens ?? height * width;
}
