/** @revq/quantizer-residual: residual vector quantization, coarse to fine, with beam search. */
import {
  RevqError,
  definePlugin,
  latentShapeToArray,
  latentSize,
  requireSplitFits,
  tokenSplits,
  type LatentShape,
  type OptionsOf,
  type QuantizerPlugin,
  type TransformLayout,
} from "@revq/core";
import { cutFits, tokensAndCodes } from "@revq/plugin-kit/descriptor";
import { z } from "zod";
import { residualLayout } from "./residual-layout.js";

const maxCodes = 2 ** 16;
const defaultCodes = 1024;

const options = z.strictObject({
  tokens: z
    .int()
    .min(1)
    .optional()
    .describe("Tokens per image (T): vectors of a latent times depth. Default: one vector per position."),
  codes: z
    .int()
    .min(2)
    .max(maxCodes)
    .optional()
    .describe("Codes of every stage (K). Default: 1024, or what a budget of bits gives."),
  depth: z.int().min(1).max(16).default(2).describe("Stages: the codes that are added up for a vector."),
  split: z
    .enum(["auto", ...tokenSplits, "eigenvalue"])
    .default("auto")
    .describe(
      "What a vector is: part of a position (spatial), all channels of a patch (patch), a strip of a channel (channel), a patch of one (block), or " +
        "coefficients chosen by variance (eigenvalue). auto: eigenvalue after a decorrelating transform, else spatial.",
    ),
  beam: z.int().min(1).max(64).default(4).describe("Sums that are kept from stage to stage; 1 is greedy."),
  iterations: z.int().min(1).max(10_000).default(20).describe("Passes of k-means in every stage."),
  samplesPerCode: z.int().min(1).default(1024).describe("k-means uses at most this many vectors per code."),
});
type Options = z.output<typeof options>;

/** Residual quantization as in RQ-VAE (arXiv 2203.01941), with the codebooks fitted by k-means. */
export const residual: QuantizerPlugin<typeof options> = definePlugin({
  kind: "quantizer",
  id: "residual",
  title: "Residual quantization (RQ-VAE): several codes add up to a vector",
  options,

  async resolve(given, request) {
    const { latentShape, transform } = request;
    const { depth } = given;
    const { tokens, codes } = tokensAndCodes(given, request, {
      defaultTokens: vectorsOf(given, latentShape) * depth,
      defaultCodes,
      maxCodes,
      stages: depth,
      fits: (count) => {
        const split = splitOf(given, count / depth, transform(count));
        return cutFits(latentShape, count / depth, split, transform(count));
      },
    });
    return [
      { options: { ...given, tokens, codes, split: splitOf(given, tokens / depth, transform(tokens)) }, reasons: [] },
    ];
  },

  layout(given, latentShape) {
    const { depth, codes = defaultCodes, split } = given;
    const vectors = vectorsOf(given, latentShape);
    const dim = latentSize(latentShape) / vectors;
    requireSplitFits(latentShape, dim, split);
    return { layout: residualLayout(vectors, depth, codes, split), parameterCount: depth * codes * dim };
  },

  async create(given, { latentShape, transform }) {
    const { ResidualQuantizer } = await import("./residual-quantizer.js");
    const vectors = vectorsOf(given, latentShape);
    return new ResidualQuantizer(latentShape, transform, {
      ...given,
      codes: given.codes ?? defaultCodes,
      vectors,
      split: splitOf(given, vectors, transform),
    });
  },
});

declare module "@revq/core" {
  interface KnownQuantizers {
    residual: OptionsOf<typeof residual>;
  }
}

function vectorsOf({ tokens, depth }: Options, shape: LatentShape): number {
  const vectors = tokens === undefined ? shape.height * shape.width : tokens / depth;
  if (!Number.isInteger(vectors) || latentSize(shape) % vectors !== 0) {
    const value = shape.height * shape.width * depth;
    throw new RevqError(
      "tokens-do-not-divide",
      `${tokens} tokens in ${depth} stages are no whole number of equal vectors of the latent ` +
        `[${latentShapeToArray(shape)}].`,
      {
        fix: `Use a multiple of depth, such as ${value}, or another depth.`,
        setting: { path: "quantizer.tokens", value },
      },
    );
  }
  return vectors;
}

/** The blocks of the transform divide the tokens, but need not divide the vectors. */
function splitOf(
  { split }: Options,
  vectors: number,
  transform: TransformLayout | null,
): Exclude<Options["split"], "auto"> {
  if (split !== "auto") return split;
  return transform?.decorrelated && vectors % transform.blocks === 0 ? "eigenvalue" : "spatial";
}
