/**
 * @revq/quantizer-trellis: trellis-coded quantization. One path through a trellis tells all coefficients of an
 * image; its bits are the tokens.
 */
import {
  definePlugin,
  latentSize,
  RevqError,
  sharedTokenLayout,
  type LatentShape,
  type OptionsOf,
  type QuantizerPlugin,
  type QuantizerRequest,
} from "@revq/core";
import { tokensAndCodes } from "@revq/plugin-kit/descriptor";
import { z } from "zod";
import { mostBits } from "./rates.js";
import { tableSize } from "./tables.js";

const maxCodes = 2 ** 16;
const defaultCodes = 1024;
/** Elements of a token by default, as of other quantizers. */
const defaultDimension = 8;

const options = z.strictObject({
  tokens: z.int().min(1).optional().describe("Tokens per image (T). Default: one for 8 elements of the latent."),
  codes: z
    .int()
    .min(2)
    .max(maxCodes)
    .refine((codes) => Number.isInteger(Math.log2(codes)), "must be a power of 2")
    .optional()
    .describe("Codes per token (K), a power of 2: a token is log2 K bits of the path. Default: 1024."),
  passes: z.int().min(0).default(12).describe("Passes of training over the coefficients."),
});
type Options = z.output<typeof options>;

/** Trellis-coded quantization (Marcellin and Fischer 1990). */
export const trellis: QuantizerPlugin<typeof options> = definePlugin({
  kind: "quantizer",
  id: "trellis",
  title: "One path through a trellis for all coefficients",
  options,
  transform: "auto",

  async resolve(given, request) {
    const options = { ...given, ...tokensOf(given, request) };
    requireRoom(options, request.latentShape);
    return [{ options, reasons: [] }];
  },

  layout: (given, latentShape) => {
    const { tokens, codes } = withDefaults(given, latentShape);
    return { layout: sharedTokenLayout(tokens, codes), parameterCount: tableSize, learnsCodes: false };
  },

  async create(given, { latentShape, transform }) {
    const settings = { ...withDefaults(given, latentShape), passes: given.passes };
    requireRoom(settings, latentShape);
    const { TrellisQuantizer } = await import("./trellis-quantizer.js");
    return new TrellisQuantizer(latentShape, transform, settings);
  },
});

declare module "@revq/core" {
  interface KnownQuantizers {
    trellis: OptionsOf<typeof trellis>;
  }
}

function withDefaults({ tokens, codes }: Options, shape: LatentShape): { tokens: number; codes: number } {
  return {
    tokens: tokens ?? Math.max(1, Math.floor(latentSize(shape) / defaultDimension)),
    codes: codes ?? defaultCodes,
  };
}

/** Throws `trellis-bits` for more bits than the trellis can use. */
function requireRoom({ tokens, codes }: { tokens: number; codes: number }, shape: LatentShape): void {
  const most = mostBits(latentSize(shape));
  const bits = tokens * Math.log2(codes);
  if (bits <= most) return;
  throw new RevqError("trellis-bits", `${bits} bits are more than the trellis can use on this latent: ${most}.`, {
    fix: `Use at most ${Math.floor(most / Math.log2(codes))} tokens of ${codes} codes.`,
    setting: { path: "quantizer.tokens" },
  });
}

/** Any number of tokens will do, so a budget of bits is met to less than a token. */
function tokensOf(given: Options, request: QuantizerRequest): { tokens: number; codes: number } {
  const { tokens, codes } = withDefaults(given, request.latentShape);
  const { bits, keep, latents } = request;
  if (keep) return { tokens: keep.count, codes: keep.codebookSizes[0]! };
  if (bits !== null && latents === null && given.tokens === undefined) {
    const width = Math.min(Math.log2(codes), Math.max(1, Math.floor(bits)));
    return { tokens: Math.max(1, Math.floor(bits / width)), codes: given.codes ?? 2 ** width };
  }
  const choices = { defaultTokens: tokens, defaultCodes: codes, maxCodes, fits: () => true };
  const chosen = tokensAndCodes(given, request, choices);
  return { tokens: chosen.tokens, codes: 2 ** Math.floor(Math.log2(chosen.codes)) };
}
