/**
 * @revq/quantizer-tokenbridge: quantizes every dimension of the latent by itself, without training (Wang et al., "Bridging continuous
 * and discrete tokens for autoregressive visual generation", arXiv 2503.16430). VAE latents are close to normal, so the normal
 * distribution is cut into K bins of equal probability; a code stands for its bin's mean.
 */
import { RevqError, definePlugin, latentSize, type LatentShape, type Quantizer, type QuantizerPlugin, type OptionsOf } from "@revq/core";
import { lookUpCodes, sampleLatents, sharedTokenSpec } from "@revq/plugin-kit";
import { normalCumulative, normalDensity, normalQuantile } from "@revq/numerics";
import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";

const options = z.strictObject({
  tokens: z.int().min(1).optional().describe("Tokens per image: the numbers of the latent, each of which is a token."),
  codes: z.int().min(2).max(4096).default(8).describe("Codes per dimension (K)."),
});

export interface NormalBins {
  /** Upper ends of all bins but the last, ascending, `[K - 1]`. */
  readonly edges: Float64Array;
  /** Means of the bins, `[K]`. */
  readonly centres: Float32Array;
}

/** Bins of equal probability of the standard normal distribution. */
export function normalBins(codes: number): NormalBins {
  const edges = Float64Array.from({ length: codes - 1 }, (_, i) => normalQuantile((i + 1) / codes));
  const centres = Float32Array.from({ length: codes }, (_, code) => {
    const [low, high] = [edges[code - 1] ?? -Infinity, edges[code] ?? Infinity];
    const mass = cumulative(high) - cumulative(low);
    return (normalDensity(low) - normalDensity(high)) / mass;
  });
  return { edges, centres };
}

function cumulative(x: number): number {
  return x === Infinity ? 1 : x === -Infinity ? 0 : normalCumulative(x);
}

export const tokenbridge: QuantizerPlugin<typeof options> = definePlugin({
  kind: "quantizer",
  id: "tokenbridge",
  title: "Every dimension by itself, training-free (TokenBridge)",
  options,
  describe: ({ tokens, codes }, { latentShape }) => ({
    tokens: sharedTokenSpec(tokensOf(tokens, latentShape), codes),
    parameters: 0,
  }),
  create({ tokens, codes }, { latentShape }): Quantizer {
    const count = tokensOf(tokens, latentShape);
    const { edges, centres } = normalBins(codes);
    const table = tf.keep(tf.tensor2d(centres, [codes, 1]));
    /** The number of edges that are not above the value. */
    const codeOf = (value: number): number => {
      let [low, high] = [0, edges.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (edges[middle]! <= value) low = middle + 1;
        else high = middle;
      }
      return low;
    };
    return {
      tokens: sharedTokenSpec(count, codes),
      /** Nothing is learned: the error is measured. */
      async fit(latents, { random }) {
        const values = await sampleLatents(latents, 2 ** 22 / count, random);
        const used = new Set<number>();
        let squares = 0;
        for (const value of values) {
          const code = codeOf(value);
          used.add(code);
          squares += (value - centres[code]!) ** 2;
        }
        return { passes: [{ mse: squares / values.length, usage: used.size / codes }] };
      },
      async quantize(latents) {
        const values = await latents.data();
        return tf.tensor2d(Int32Array.from(values, codeOf), [latents.shape[0], count], "int32");
      },
      quantizeOnEngine: (latents) =>
        tf.tidy(() => {
          const values = tf.reshape(latents, [latents.shape[0] * count, 1]);
          const above = tf.greaterEqual(values, tf.tensor2d(Float32Array.from(edges, roundedUp), [1, edges.length]));
          return tf.cast(tf.reshape(tf.sum(tf.cast(above, "int32"), 1), [latents.shape[0], count]), "int32");
        }),
      dequantize: (ids) => lookUpCodes(table, ids, latentShape, "spatial"),
      state: () => ({}),
      restore: () => {},
      dispose: () => table.dispose(),
    };
  },
});

declare module "@revq/core" {
  interface KnownQuantizers {
    tokenbridge: OptionsOf<typeof tokenbridge>;
  }
}

/** The lowest float32 that is not below: a float32 is below the edge exactly when it is below that. */
function roundedUp(edge: number): number {
  const near = Math.fround(edge);
  if (near >= edge) return near;
  const bits = new Int32Array(Float32Array.of(near).buffer);
  bits[0]! += near < 0 ? -1 : 1;
  return new Float32Array(bits.buffer)[0]!;
}

function tokensOf(tokens: number | undefined, shape: LatentShape): number {
  const size = latentSize(shape);
  if (tokens !== undefined && tokens !== size) {
    throw new RevqError("tokens-fixed", `tokenbridge makes a token of every number: ${size} here, not ${tokens}.`, {
      fix: "Leave out the number of tokens; codes decides the bits.",
    });
  }
  return size;
}
