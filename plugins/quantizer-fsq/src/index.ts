/**
 * @revq/quantizer-fsq: finite scalar quantization (Mentzer et al., "Finite scalar quantization: VQ-VAE made simple", arXiv 2309.15505).
 * Every number of a token is rounded to one of a few evenly spaced values; the codebook is the grid of their combinations. The paper
 * learns an encoder in front of it; here the encoder is frozen, and the spacings are fitted instead.
 */
import { GridQuantizer, gridSize, sharedTokenSpec } from "@revq/plugin-kit";
import { RevqError, divisors, latentSize, tokenDimension, type LatentShape, type QuantizerPlugin, definePlugin, tokenSplits, type OptionsOf } from "@revq/core";
import { z } from "zod";
import { fitSteps } from "./fit-steps.js";
import { levelsFor } from "./levels.js";

const mostCodes = 2 ** 16;

const options = z.strictObject({
  tokens: z
    .int()
    .min(1)
    .optional()
    .describe("Tokens per image (T); must divide the latent. Default: tokens of 4 numbers."),
  codes: z.int().min(2).max(mostCodes).default(1024).describe("Codes at most: the largest grid that fits is taken."),
  levels: z
    .array(z.int().min(1).max(4096))
    .min(1)
    .optional()
    .describe("Values that each number of a token may take, such as [8, 5, 5, 5]; default: as even as `codes` allows."),
  split: z
    .enum(tokenSplits)
    .default("channel")
    .describe("What a token is: a strip of a channel, a patch of one, or part of a position."),
});
type Options = z.output<typeof options>;

export const fsq: QuantizerPlugin<typeof options> = definePlugin({
  kind: "quantizer",
  id: "fsq",
  title: "Finite scalar quantization: an even grid in every token",
  options,
  describe(given, { latentShape }) {
    const { tokens, levels } = resolve(given, latentShape);
    return { tokens: sharedTokenSpec(tokens, gridSize(levels)), parameters: levels.length };
  },
  create(given, { latentShape }) {
    return new GridQuantizer(latentShape, { ...resolve(given, latentShape), split: given.split, fitSteps });
  },
});

declare module "@revq/core" {
  interface KnownQuantizers {
    fsq: OptionsOf<typeof fsq>;
  }
}

function resolve(given: Options, shape: LatentShape): { tokens: number; levels: readonly number[] } {
  const size = latentSize(shape);
  const wanted = given.levels?.length ?? 4;
  const dim =
    given.tokens === undefined ? divisors(size).findLast((d) => d <= wanted)! : tokenDimension(shape, given.tokens);
  const levels = given.levels ?? levelsFor(dim, given.codes);
  if (levels.length !== dim || gridSize(levels) > mostCodes) {
    throw new RevqError(
      "fsq-levels",
      `levels [${levels}] make ${gridSize(levels)} codes of ${levels.length} numbers; tokens have ${dim} numbers here, and ${mostCodes} codes at most.`,
      { fix: `Give ${dim} levels, or set tokens to ${size / levels.length}.` },
    );
  }
  return { tokens: size / dim, levels };
}
