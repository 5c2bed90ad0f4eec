/** The quantizer `lattice`. `create` loads its code, so this module loads no tensor engine. */
import { definePlugin, latentSize, RevqError, sharedTokenLayout, type LatentShape, type OptionsOf } from "@revq/core";
import { z } from "zod";
import { dimension, pointCount } from "./d4.js";

export const lattice = definePlugin({
  kind: "quantizer",
  id: "lattice",
  title: "The nearest point of the lattice D4",
  options: z.strictObject({
    levels: z
      .int()
      .min(3)
      .max(15)
      .refine((levels) => levels % 2 === 1, "must be odd")
      .default(7)
      .describe("Values that every element may take, an odd number: a token has (levels^4 + 1) / 2 codes."),
  }),

  /** For a budget of bits: the most levels that it allows. */
  async resolve(options, { latentShape, bits }) {
    if (bits === null) return [{ options, reasons: [] }];
    const tokens = tokensOf(latentShape);
    const bitsOf = (levels: number) => tokens * Math.log2(pointCount(levels));
    const levels = [15, 13, 11, 9, 7, 5, 3].find((count) => bitsOf(count) <= bits);
    if (levels !== undefined) {
      return [{ options: { levels }, reasons: [`${levels} levels are the most that ${bits} bits allow.`] }];
    }
    const value = Math.ceil(bitsOf(3));
    throw new RevqError("lattice-bits", `${bits} bits are too few for ${tokens} tokens of at least 41 codes.`, {
      fix: `Ask for ${value} bits or more.`,
      setting: { path: "bits", value },
    });
  },

  /** T tokens share one codebook. One number is learned, the spacing of the points. */
  layout: ({ levels }, latentShape) => ({
    layout: sharedTokenLayout(tokensOf(latentShape), pointCount(levels), "channel"),
    parameterCount: 1,
  }),

  create: async ({ levels }, { latentShape }) => (await import("./quantizer.js")).createQuantizer(levels, latentShape),
});

// Lets editors complete the id and the options in a typed configuration.
declare module "@revq/core" {
  interface KnownQuantizers {
    lattice: OptionsOf<typeof lattice>;
  }
}

function tokensOf(shape: LatentShape): number {
  const size = latentSize(shape);
  if (size % dimension === 0) return size / dimension;
  throw new RevqError("lattice-latent", `A latent of ${size} elements cannot be cut into fours.`, {
    fix: "Use another image size or backbone.",
  });
}
