/** @revq/quantizer-residual: residual vector quantization, coarse to fine, with beam search. */
import {
  RevqError,
  definePlugin,
  latentShapeToArray,
  latentSize,
  type LatentShape,
  type QuantizerPlugin,
  type OptionsOf,
} from "@revq/core";
import { z } from "zod";
import { ResidualQuantizer, residualTokenSpec } from "./residual-quantizer.js";

const options = z.strictObject({
  tokens: z
    .int()
    .min(1)
    .optional()
    .describe(
      "Tokens per image (T): the vectors of a latent times depth. Default: the channel vector of every position is one.",
    ),
  codes: z
    .int()
    .min(2)
    .max(2 ** 16)
    .default(1024)
    .describe("Codes of every stage (K)."),
  depth: z.int().min(1).max(16).default(2).describe("Stages: how many codes are added up for a vector."),
  beam: z.int().min(1).max(64).default(4).describe("Sums that are kept from stage to stage; 1 is greedy."),
  iterations: z.int().min(1).max(10_000).default(20).describe("Passes of k-means in every stage."),
  samplesPerCode: z.int().min(1).default(1024).describe("k-means looks at this many vectors per code at most."),
});
type Options = z.output<typeof options>;

export const residual: QuantizerPlugin<typeof options> = definePlugin({
  kind: "quantizer",
  id: "residual",
  title: "Residual quantization (RQ-VAE): several codes add up to a vector",
  options,
  describe(given, { latentShape }) {
    const { vectors, depth, codes } = resolve(given, latentShape);
    return {
      tokens: residualTokenSpec(vectors, depth, codes),
      parameters: (depth * codes * latentSize(latentShape)) / vectors,
    };
  },
  create: (given, { latentShape }) => new ResidualQuantizer(latentShape, resolve(given, latentShape)),
});

declare module "@revq/core" {
  interface KnownQuantizers {
    residual: OptionsOf<typeof residual>;
  }
}

function resolve({ tokens, ...settings }: Options, shape: LatentShape): Omit<Options, "tokens"> & { vectors: number } {
  const { depth } = settings;
  const vectors = tokens === undefined ? shape.height * shape.width : tokens / depth;
  if (!Number.isInteger(vectors) || latentSize(shape) % vectors !== 0) {
    throw new RevqError(
      "tokens-do-not-divide",
      `${tokens} tokens in ${depth} stages are no whole number of equal vectors of the latent [${latentShapeToArray(shape)}].`,
      { fix: `Use a multiple of depth, such as ${shape.height * shape.width * depth}, or another depth.` },
    );
  }
  return { ...settings, vectors };
}

export { ResidualQuantizer } from "./residual-quantizer.js";
