/** The quantizer `lattice`: four numbers of the latent at a time become the nearest point of the lattice D4. */
import { cutOnHost, lookUpCodes, sampleLatents, sharedTokenSpec } from "@revq/plugin-kit";
import { definePlugin, latentSize, requireTensor, tokenSplits, RevqError, type LatentShape, type OptionsOf, type Quantizer, type TokenSplit } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";
import { codeOf, dimension, nearestPoint, pointCount, pointOf } from "./d4.js";
import { fitStep } from "./fit-step.js";

const mostLevels = 15;

const options = z.strictObject({
  levels: z
    .int()
    .min(3)
    .max(mostLevels)
    .refine((levels) => levels % 2 === 1, "must be odd")
    .default(7)
    .describe("Values that every number may take, an odd count: a token has (levels^4 + 1) / 2 codes."),
  split: z.enum(tokenSplits).default("channel").describe("Which four numbers make a token."),
});

export const lattice = definePlugin({
  kind: "quantizer",
  id: "lattice",
  title: "The nearest point of the lattice D4",
  options,

  /** What `--bits` asks for: the most levels that the budget allows. */
  plan({ options: given, latentShape, bits }) {
    if (bits === undefined) return { options: given, reasons: [] };
    const tokens = tokensOf(latentShape);
    let levels = 3;
    while (levels < mostLevels && tokens * Math.log2(pointCount(levels + 2)) <= bits) levels += 2;
    if (tokens * Math.log2(pointCount(levels)) > bits) {
      throw new RevqError("lattice-bits", `${bits} bits are too few for ${tokens} tokens of 41 codes at least.`, {
        fix: `Ask for ${Math.ceil(tokens * Math.log2(pointCount(3)))} bits or more.`,
      });
    }
    return { options: { ...given, levels }, reasons: [`${levels} levels are the most that ${bits} bits allow.`] };
  },

  create: ({ levels, split }, { latentShape }) => createLattice(levels, split, latentShape),
});

// Editors complete the id and the options in a typed configuration by this.
declare module "@revq/core" {
  interface KnownQuantizers {
    lattice: OptionsOf<typeof lattice>;
  }
}

function tokensOf(shape: LatentShape): number {
  const size = latentSize(shape);
  if (size % dimension === 0) return size / dimension;
  throw new RevqError("lattice-latent", `A latent of ${size} numbers cannot be cut into fours.`, {
    fix: "Use another image size or backbone.",
  });
}

function createLattice(levels: number, split: TokenSplit, shape: LatentShape): Quantizer {
  const tokens = tokensOf(shape);
  const codes = pointCount(levels);
  const middle = (levels - 1) / 2;
  const points = Array.from({ length: codes }, (_, code) => pointOf(code, levels).map((value) => value - middle));
  const codebook = tf.keep(tf.tensor2d(points, [codes, dimension]));
  let step = tf.keep(tf.scalar(1));

  function setStep(value: number): void {
    step.dispose();
    step = tf.keep(tf.scalar(value));
  }

  return {
    tokens: sharedTokenSpec(tokens, codes),

    /** All that is learned is how far apart the points are. */
    async fit(latents, { random }) {
      const sample = await sampleLatents(latents, 256, random);
      const fitted = fitStep(cutOnHost(sample, shape, tokens, split), levels);
      setStep(fitted.step);
      return { passes: [{ mse: fitted.mse, usage: fitted.used / codes }] };
    },

    /** latents [n, h, w, c] -> codes [n, tokens] */
    async quantize(latents) {
      const [apart] = await step.data();
      const values = cutOnHost(await latents.data(), shape, tokens, split);
      const chosen = new Int32Array(values.length / dimension);
      for (let token = 0; token < chosen.length; token++) {
        const cut = values.subarray(token * dimension, (token + 1) * dimension);
        const x = Array.from(cut, (value) => value / apart! + middle);
        chosen[token] = codeOf(nearestPoint(x, levels), levels);
      }
      return tf.tensor2d(chosen, [latents.shape[0], tokens], "int32");
    },

    /** codes [n, tokens] -> latents [n, h, w, c] */
    dequantize: (ids) => tf.tidy(() => lookUpCodes(tf.mul(codebook, step), ids, shape, split)),

    // What the tokenizer's file must hold; `restore` copies what it is given.
    state: () => ({ step }),
    restore(state) {
      setStep(requireTensor(state, "step", []).dataSync()[0]!);
    },
    dispose() {
      tf.dispose([codebook, step]);
    },
  };
}
