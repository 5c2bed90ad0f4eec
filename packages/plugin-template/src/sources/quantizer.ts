/**
 * A quantizer to start from: it rounds every element to one of a few evenly spaced levels, and
 * learns their spacing.
 */
import { descriptorSource } from "./descriptor.js";

export const quantizerFiles = (name: string, plugin: string): Record<string, string> => ({
  "src/index.ts": descriptorSource({
    kind: "quantizer",
    name,
    plugin,
    title: "Rounds every element to one of a few levels",
    imports: ["latentSize", "sharedTokenLayout"],
    options: `levels: z.int().min(2).max(4096).default(8).describe("Values that every element may take."),`,
    members: `  // Every element is a token, and all share one codebook: the levels. One number is learned: their spacing.
  layout: ({ levels }, shape) => ({ layout: sharedTokenLayout(latentSize(shape), levels, "spatial"), parameterCount: 1 }),`,
    create: ["{ levels }, { latentShape }", "levels, latentShape"],
  }),
  "src/quantizer.ts": `/** Rounds every element of a latent to one of a few evenly spaced levels. */
import { latentSize, requireTensor, sharedTokenLayout, type LatentShape, type Quantizer } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";

/** Training latents that the spacing is learned from. */
const maxSamples = 256;

export function createQuantizer(levels: number, shape: LatentShape): Quantizer {
  const { channels, height, width } = shape;
  const size = latentSize(shape);
  const middle = (levels - 1) / 2;
  const step = tf.tidy(() => tf.variable(tf.scalar(6 / levels)));
  return {
    layout: sharedTokenLayout(size, levels, "spatial"), // where tokens lie: position by position
    /** The levels cover three standard deviations on each side. */
    async fit(latents) {
      const values = await latents.read(Array.from({ length: Math.min(latents.count, maxSamples) }, (_, row) => row));
      const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length;
      const spacing = (6 * Math.sqrt(variance)) / levels || 1;
      tf.tidy(() => step.assign(tf.scalar(spacing)));
      const used = new Set<number>();
      let squares = 0;
      for (const value of values) {
        const id = Math.min(levels - 1, Math.max(0, Math.round(value / spacing + middle)));
        used.add(id);
        squares += (value - (id - middle) * spacing) ** 2;
      }
      return { passes: [{ mse: squares / values.length, usage: used.size / levels }] };
    },
    async quantize(latents) {
      const n = latents.shape[0];
      if (n === 0) return tf.zeros([0, size], "int32"); // no engine takes an empty batch
      return tf.tidy(() => {
        const nearest = tf.clipByValue(tf.round(tf.add(tf.div(latents, step), middle)), 0, levels - 1);
        return tf.cast(tf.reshape(nearest, [n, size]), "int32") as Tensor2D;
      });
    },
    dequantize(ids) {
      const n = ids.shape[0];
      if (n === 0) return tf.zeros([0, height, width, channels]);
      return tf.tidy(() => {
        const level = tf.reshape(tf.cast(ids, "float32"), [n, height, width, channels]);
        return tf.mul(tf.sub(level, middle), step) as Tensor4D;
      });
    },
    // What a tokenizer's file must hold; \`restore\` copies it.
    state: () => ({ step }),
    restore: (state) => tf.tidy(() => step.assign(tf.clone(requireTensor(state, "step", [])) as typeof step)),
    dispose: () => step.dispose(),
  };
}
`,
});
