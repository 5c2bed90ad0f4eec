/** Options of the quantizer `multigroup`. `chooseMultigroup` fills in what is open (`tokens`, `codes`, "auto"). */
import { tokenSplits } from "@revq/core";
import { z } from "zod";

export const multigroupOptions = z.strictObject({
  tokens: z
    .int()
    .min(1)
    .optional()
    .describe("Tokens per image (T); must divide the latent. Open: tokens of 8 elements, or as a bit budget asks."),
  codes: z
    .int()
    .min(2)
    .max(2 ** 20)
    .optional()
    .describe("Codes in each codebook (K). Open: a power of two that leaves at least 30 samples per code."),
  split: z
    .enum(["auto", ...tokenSplits, "eigenvalue"])
    .default("auto")
    .describe(
      "What a token is: a strip of one channel (channel), a patch of one channel (block), a part of the channel vector at one " +
        "position (spatial), all channels of a patch (patch), or coefficients allocated by variance (eigenvalue). auto: eigenvalue after a decorrelating " +
        "transform; otherwise block where patches tile the map, else channel.",
    ),
  groups: z
    .union([z.enum(["auto", "token", "channel"]), z.int().min(1)], {
      error: 'expected "auto", "token", "channel" or a number of groups',
    })
    .default("auto")
    .describe(
      "Which tokens share a codebook: none (token); those of one channel, or with split spatial those of one channel run at all " +
        "positions (channel: one codebook with split patch); or G codebooks, token t using number t % G. auto: two or three of these are measured. The first guess is " +
        "token with 30 samples per code or more, else channel; with split eigenvalue, as many as leave 500 samples per code.",
    ),
  allocation: z
    .enum(["equal", "greedy"])
    .optional()
    .describe(
      "How bits are allocated: every group has K codes (equal), or groups that vary more have more codes, with the bits of T " +
        "tokens of K codes in all (greedy). Open: equal.",
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
    .describe("k-means uses at most this many samples per code, drawn at random where there are more."),
});

export type MultigroupInput = z.input<typeof multigroupOptions>;
export type MultigroupOptions = z.output<typeof multigroupOptions>;
