/**
 * @revq/quantizer-lfq: one bit a number. Two plugins that share their codes, the signs of a token's numbers, and differ in what a code
 * stands for:
 * - `lfq`, lookup-free quantization (Yu et al., "Language model beats diffusion", arXiv 2310.05737): +-a, with an `a` of its own for
 *   every place in a token.
 * - `bsq`, binary spherical quantization (Zhao et al., "Image and video tokenization with binary spherical quantization",
 *   arXiv 2406.07548): a corner of the cube in the unit sphere, times one radius.
 * The papers learn the encoder in front of it; here it is frozen, and the scales are fitted: the least squares ones.
 */
import { GridQuantizer, sharedTokenSpec } from "@revq/plugin-kit";
import { RevqError, definePlugin, divisors, latentSize, tokenDimension, tokenSplits, type LatentShape, type QuantizerPlugin, type OptionsOf } from "@revq/core";
import { z } from "zod";

/** Numbers in a token, at most: the table of codes has 2^d rows. */
const mostNumbers = 16;
const defaultNumbers = 8;

const options = z.strictObject({
  tokens: z
    .int()
    .min(1)
    .optional()
    .describe("Tokens per image (T); must divide the latent. Default: tokens of 8 numbers."),
  codes: z
    .int()
    .min(2)
    .optional()
    .describe("Codes per token: 2 to the number of its numbers; decides the tokens when they are open."),
  split: z
    .enum(tokenSplits)
    .default("channel")
    .describe("What a token is: a strip of a channel, a patch of one, or part of a position."),
});
type Options = z.output<typeof options>;

/** Twice the mean magnitude of every place: the codes are +-half a step. */
export function stepsOfPlaces(tokens: Float32Array, levels: readonly number[]): Float64Array {
  const dim = levels.length;
  const sums = new Float64Array(dim);
  tokens.forEach((value, i) => (sums[i % dim]! += Math.abs(value)));
  return sums.map((sum) => (2 * sum * dim) / tokens.length);
}

/** The same step for all places: the radius is its half times sqrt(d). */
export function stepsOfSphere(tokens: Float32Array, levels: readonly number[]): Float64Array {
  const mean = tokens.reduce((sum, value) => sum + Math.abs(value), 0) / tokens.length;
  return new Float64Array(levels.length).fill(2 * mean);
}

function signPlugin(id: string, title: string, fitSteps: typeof stepsOfPlaces): QuantizerPlugin<typeof options> {
  return definePlugin({
    kind: "quantizer",
    id,
    title,
    options,
    describe(given, { latentShape }) {
      const { tokens, levels } = resolve(id, given, latentShape);
      return { tokens: sharedTokenSpec(tokens, 2 ** levels.length), parameters: levels.length };
    },
    create(given, { latentShape }) {
      return new GridQuantizer(latentShape, { ...resolve(id, given, latentShape), split: given.split, fitSteps });
    },
  });
}

export const lfq = signPlugin("lfq", "Lookup-free quantization: the signs, scaled by place", stepsOfPlaces);
export const bsq = signPlugin("bsq", "Binary spherical quantization: the signs, on one sphere", stepsOfSphere);

declare module "@revq/core" {
  interface KnownQuantizers {
    lfq: OptionsOf<typeof lfq>;
    bsq: OptionsOf<typeof bsq>;
  }
}

function resolve(id: string, { tokens, codes }: Options, shape: LatentShape): { tokens: number; levels: number[] } {
  const size = latentSize(shape);
  const wanted = codes === undefined ? defaultNumbers : Math.floor(Math.log2(codes));
  const dim = tokens === undefined ? divisors(size).findLast((d) => d <= wanted)! : tokenDimension(shape, tokens);
  if (dim > mostNumbers || (codes !== undefined && codes !== 2 ** dim)) {
    throw new RevqError(
      "lfq-codes",
      `${id} has one bit a number: tokens of ${dim} numbers have 2^${dim} codes${codes === undefined ? "" : `, not ${codes}`}; ` +
        `${mostNumbers} numbers at most.`,
      { fix: `Set tokens so that they have at most ${mostNumbers} numbers, and leave out codes.` },
    );
  }
  return { tokens: size / dim, levels: new Array<number>(dim).fill(2) };
}
