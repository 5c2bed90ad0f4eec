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
import { refuseBitBudget } from "@revq/plugin-kit/descriptor";
import { z } from "zod";

const options = z.strictObject({
  tokens: z.int().min(1).optional().describe("Tokens per image (T): every element is one. May be left out."),
  codes: z.int().min(2).max(4096).default(8).describe("Codes per element (K)."),
});
type Options = z.output<typeof options>;

/** TokenBridge (arXiv 2503.16430). */
export const tokenbridge: QuantizerPlugin<typeof options> = definePlugin({
  kind: "quantizer",
  id: "tokenbridge",
  title: "Every element by itself, training-free (TokenBridge)",
  options,

  async resolve(given, { latentShape, bits }) {
    refuseBitBudget("tokenbridge", bits, "codes");
    return [{ options: { ...given, tokens: tokensOf(given, latentShape) }, reasons: [] }];
  },

  layout: (given, latentShape) => ({
    layout: sharedTokenLayout(tokensOf(given, latentShape), given.codes, "spatial"),
    parameterCount: 0,
  }),

  async create(given, { latentShape, transform }) {
    tokensOf(given, latentShape);
    const { TokenbridgeQuantizer } = await import("./tokenbridge-quantizer.js");
    return new TokenbridgeQuantizer(latentShape, transform, given.codes);
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
