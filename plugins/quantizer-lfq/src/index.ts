/**
 * @revq/quantizer-lfq: one bit per element, the sign. Two plugins that share their ids and differ
 * in their codes: `lfq`, lookup-free quantization, and `bsq`, binary spherical quantization.
 */
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
import { concreteSplit, requireBitBudget } from "@revq/plugin-kit/descriptor";
import { z } from "zod";
import type { SignScale } from "./sign-quantizer.js";

/** Elements of a token at most: the table of codes has 2^d rows. */
const maxDim = 16;
const defaultDim = 8;

const options = z.strictObject({
  tokens: z
    .int()
    .min(1)
    .optional()
    .describe("Tokens per image (T); must divide the latent. Default: tokens of 8 elements."),
  codes: z
    .int()
    .min(2)
    .optional()
    .describe("Codes per token: 2 to the number of its elements. Decides the tokens when they are open."),
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
 * Lookup-free quantization (arXiv 2310.05737), with scales fitted to the latents of the frozen
 * encoder.
 */
export const lfq = signPlugin("lfq", "Lookup-free quantization: the signs, one scale per element", "element");

/**
 * Binary spherical quantization (arXiv 2406.07548), with the radius fitted to the latents of the
 * frozen encoder.
 */
export const bsq = signPlugin("bsq", "Binary spherical quantization: the signs, on one sphere", "sphere");

declare module "@revq/core" {
  interface KnownQuantizers {
    lfq: OptionsOf<typeof lfq>;
    bsq: OptionsOf<typeof bsq>;
  }
}

function signPlugin(id: string, title: string, scale: SignScale): QuantizerPlugin<typeof options> {
  return definePlugin({
    kind: "quantizer",
    id,
    title,
    options,

    async resolve(given, { latentShape, bits, transform }) {
      requireBitBudget(bits, latentSize(latentShape), `${id} has one bit per element`);
      const tokens = latentSize(latentShape) / dimOf(id, given, latentShape);
      return [
        { options: { ...given, tokens, split: concreteSplit(given.split, transform(tokens), "channel") }, reasons: [] },
      ];
    },

    layout(given, latentShape) {
      const dim = dimOf(id, given, latentShape);
      requireSplitFits(latentShape, dim, given.split);
      const layout = sharedTokenLayout(latentSize(latentShape) / dim, 2 ** dim, given.split);
      return { layout, parameterCount: dim };
    },

    async create(given, { latentShape, transform }) {
      const { SignQuantizer } = await import("./sign-quantizer.js");
      const dim = dimOf(id, given, latentShape);
      return new SignQuantizer(latentShape, transform, {
        dim,
        split: concreteSplit(given.split, transform, "channel"),
        scale,
      });
    },
  });
}

/** Elements of a token. */
function dimOf(id: string, { tokens, codes }: Options, shape: LatentShape): number {
  const wanted = codes === undefined ? defaultDim : Math.floor(Math.log2(codes));
  const dim =
    tokens === undefined ? divisors(latentSize(shape)).findLast((d) => d <= wanted)! : tokenDimension(shape, tokens);
  if (dim > maxDim || (codes !== undefined && codes !== 2 ** dim)) {
    throw new RevqError(
      "lfq-codes",
      `${id} has one bit per element: tokens of ${dim} elements have 2^${dim} codes` +
        `${codes === undefined ? "" : `, not ${codes}`}. A token has at most ${maxDim} elements.`,
      {
        fix: `Set tokens so that each has at most ${maxDim} elements, and leave out codes.`,
        setting: { path: "quantizer.tokens" },
      },
    );
  }
  return dim;
}
