/** @revq/quantizer-fsq: finite scalar quantization, an even grid in every token. */
import {
  RevqError,
  definePlugin,
  divisors,
  latentSize,
  requireSplitFits,
  sharedTokenLayout,
  tokenDimension,
  tokenSplits,
  type LatentShape,
  type OptionsOf,
  type QuantizerPlugin,
} from "@revq/core";
import { concreteSplit, cutFits, gridSize, requireBitBudget, tokensAndCodes } from "@revq/plugin-kit/descriptor";
import { z } from "zod";
import { levelsFor } from "./levels.js";

const maxCodes = 2 ** 16;
const defaultCodes = 1024;

const options = z.strictObject({
  tokens: z
    .int()
    .min(1)
    .optional()
    .describe("Tokens per image (T); must divide the latent. Default: tokens of 4 elements."),
  codes: z
    .int()
    .min(2)
    .max(maxCodes)
    .optional()
    .describe("Codes at most: the largest grid that fits is taken. Default: 1024, or what a budget of bits gives."),
  levels: z
    .array(z.int().min(1).max(4096))
    .min(1)
    .optional()
    .describe("Levels of each element of a token, such as [8, 5, 5, 5]; default: as even as `codes` allows."),
  split: z
    .enum(["auto", ...tokenSplits, "eigenvalue"])
    .default("auto")
    .describe(
      "What a token is: a strip of a channel (channel), a patch of one (block), part of a position (spatial), all channels of a patch (patch), or " +
        "coefficients chosen by variance (eigenvalue). auto: eigenvalue after a decorrelating transform, else channel.",
    ),
});
type Options = z.output<typeof options>;

/**
 * Finite scalar quantization (arXiv 2309.15505), with spacings fitted to the latents of the frozen
 * encoder.
 */
export const fsq: QuantizerPlugin<typeof options> = definePlugin({
  kind: "quantizer",
  id: "fsq",
  title: "Finite scalar quantization: an even grid in every token",
  options,

  async resolve(given, request) {
    const { latentShape, bits, latents, transform } = request;
    const grid = gridOf(given, latentShape);
    if (given.levels && latents === null) {
      const spent = grid.tokens * Math.log2(gridSize(grid.levels));
      requireBitBudget(bits, spent, `the levels [${given.levels}] are given`);
    }
    const { tokens, codes } = given.levels
      ? { tokens: grid.tokens, codes: given.codes }
      : tokensAndCodes(given, request, {
          defaultTokens: grid.tokens,
          defaultCodes,
          maxCodes,
          fits: (count) => cutFits(latentShape, count, given.split, transform(count)),
        });
    const split = concreteSplit(given.split, transform(tokens), "channel");
    return [{ options: { ...given, tokens, ...(codes === undefined ? {} : { codes }), split }, reasons: [] }];
  },

  layout(given, latentShape) {
    const { tokens, levels } = gridOf(given, latentShape);
    requireSplitFits(latentShape, levels.length, given.split);
    return { layout: sharedTokenLayout(tokens, gridSize(levels), given.split), parameterCount: levels.length };
  },

  async create(given, { latentShape, transform }) {
    const { FsqQuantizer } = await import("./fsq-quantizer.js");
    return new FsqQuantizer(latentShape, transform, {
      ...gridOf(given, latentShape),
      split: concreteSplit(given.split, transform, "channel"),
    });
  },
});

declare module "@revq/core" {
  interface KnownQuantizers {
    fsq: OptionsOf<typeof fsq>;
  }
}

function gridOf(given: Options, shape: LatentShape): { tokens: number; levels: readonly number[] } {
  const size = latentSize(shape);
  const wanted = given.levels?.length ?? 4;
  const dim =
    given.tokens === undefined ? divisors(size).findLast((d) => d <= wanted)! : tokenDimension(shape, given.tokens);
  const levels = given.levels ?? levelsFor(dim, given.codes ?? defaultCodes);
  if (levels.length !== dim || gridSize(levels) > maxCodes) {
    throw new RevqError(
      "fsq-levels",
      `The levels [${levels}] make ${gridSize(levels)} codes for tokens of ${levels.length} elements. ` +
        `Tokens have ${dim} elements here, and at most ${maxCodes} codes.`,
      { fix: `Give ${dim} levels, or set tokens to ${size / levels.length}.`, setting: { path: "quantizer.levels" } },
    );
  }
  return { tokens: size / dim, levels };
}
