/** Options of the quantizer `multigroup`. What is left open (`tokens`, `codes`, "auto") is filled in by `planMultigroup`. */
import { z } from "zod";
import { transforms } from "./transform/geometry.js";

export const multigroupOptions = z.strictObject({
  tokens: z
    .int()
    .min(1)
    .optional()
    .describe(
      "Tokens per image (T); must divide the latent. Open: tokens of 8 numbers, or what a bit budget asks for.",
    ),
  codes: z
    .int()
    .min(2)
    .max(2 ** 20)
    .optional()
    .describe("Codes in each codebook (K). Open: a power of two that leaves at least 30 samples per code."),
  transform: z
    .enum(["none", "auto", ...transforms])
    .default("none")
    .describe(
      "What is cut into tokens: the latent itself (none), or coefficients of an orthonormal transform of blocks of cells: a DCT of every " +
        "channel (dct), principal axes (pca), or a DCT and then principal axes across channels (dct-klt). auto: dct-klt where one block " +
        "covers the map, else none.",
    ),
  split: z
    .enum(["auto", "channel", "spatial", "block", "balanced"])
    .default("auto")
    .describe(
      "What a token is: a strip of one channel (channel), a patch of one channel (block), a part of the channel vector at one " +
        "position (spatial), or coefficients of a transform with equal products of variances (balanced). auto: balanced with a " +
        "transform; without, block where patches tile the map, else channel.",
    ),
  groups: z
    .union([z.enum(["auto", "token", "channel"]), z.int().min(1)], {
      error: 'expected "auto", "token", "channel" or a number of groups',
    })
    .default("auto")
    .describe(
      "Which tokens share a codebook: none (token); those of one channel, or with split spatial those of one channel run at all " +
        "positions (channel); or G codebooks, token t using number t % G. auto: token with 30 samples per code or more, else channel; " +
        "with split balanced, as many as leave 500 samples per code.",
    ),
  allocation: z
    .enum(["equal", "greedy"])
    .optional()
    .describe(
      "How the bits of an image are shared out: every group has K codes (equal), or groups that vary more have more and others fewer, with " +
        "the bits of T tokens of K codes in all (greedy). Open: equal.",
    ),
  sizes: z
    .array(
      z
        .int()
        .min(1)
        .max(2 ** 20),
    )
    .min(1)
    .optional()
    .describe("Codes of each group with allocation greedy. Open: chosen from the latents."),
  iterations: z.int().min(1).max(10_000).default(20).describe("Passes of k-means over the latents."),
  init: z
    .enum(["sample", "kmeans++"])
    .default("sample")
    .describe("Where k-means starts: random latents (sample), or latents far from each other (kmeans++, slower)."),
  // Photographs' latents are alike: 64 per code cost 2.6 % of validation error, 256 0.8 %, 1024 nothing measurable (K = 64).
  samplesPerCode: z
    .int()
    .min(1)
    .default(1024)
    .describe("k-means looks at this many samples per code at most, drawn at random where there are more."),
});

export type MultigroupInput = z.input<typeof multigroupOptions>;
export type MultigroupOptions = z.output<typeof multigroupOptions>;
/** With the transform decided. */
export type DecidedOptions = MultigroupOptions & {
  readonly transform: Exclude<MultigroupOptions["transform"], "auto">;
};
