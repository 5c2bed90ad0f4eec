/**
 * @revq/quantizer-tokenbridge: quantizes every element of the latent by itself, without training.
 */
import {
  RevqError,
  definePlugin,
  latentSize,
  sharedTokenLayout,
  type LatentShape,
  type OptionsOf,
  type QuantizerPlugin,
} from "@revq/core";
import { tokensAndCodes } from "@revq/plugin-kit/descriptor";
import { z } from "zod";

const maxCodes = 4096;
const defaultCodes = 8;

const options = z.strictObject({
  tokens: z.int().min(1).optional().describe("Tokens per image (T): every element is one. May be left out."),
  codes: z
    .int()
    .min(2)
    .max(maxCodes)
    .optional()
    .describe("Codes per element (K). Default: 8, or what a budget of bits gives."),
});
type Options = z.output<typeof options>;

/** TokenBridge (arXiv 2503.16430). */
export const tokenbridge: QuantizerPlugin<typeof options> = definePlugin({
  kind: "quantizer",
  id: "tokenbridge",
  title: "Every element by itself, training-free (TokenBridge)",
  options,

  async resolve(given, request) {
    const tokens = tokensOf(given, request.latentShape);
    const { codes } = given;
    const choices = { defaultTokens: tokens, defaultCodes, maxCodes, fits: () => true };
    return [{ options: { ...given, ...tokensAndCodes({ tokens, codes }, request, choices) }, reasons: [] }];
  },

  layout: (given, latentShape) => ({
    layout: sharedTokenLayout(tokensOf(given, latentShape), given.codes ?? defaultCodes, "spatial"),
    parameterCount: 0,
  }),

  async create(given, { latentShape, transform }) {
    tokensOf(given, latentShape);
    const { TokenbridgeQuantizer } = await import("./tokenbridge-quantizer.js");
    return new TokenbridgeQuantizer(latentShape, transform, given.codes ?? defaultCodes);
  },
});

declare module "@revq/core" {
  interface KnownQuantizers {
    tokenbridge: OptionsOf<typeof tokenbridge>;
  }
}

function tokensOf({ tokens }: Options, shape: LatentShape): number {
  const size = latentSize(shape);
  if (tokens !== undefined && tokens !== size) {
    throw new RevqError("tokens-fixed", `tokenbridge makes a token of every element: ${size} here, not ${tokens}.`, {
      fix: "Leave out the number of tokens. The number of codes decides the bits.",
      setting: { path: "quantizer.tokens" },
    });
  }
  return size;
}
