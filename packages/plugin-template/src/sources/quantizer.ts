/** A quantizer to start from: it rounds every number of the latent to one of a few evenly spaced levels, and learns their spacing. */
export const quantizerSource = (
  name: string,
  plugin: string,
): string => `/** The quantizer \`${name}\`: rounds every number of the latent to one of a few evenly spaced levels. */
import { definePlugin, latentSize, requireTensor, type LatentShape, type Quantizer, type OptionsOf } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const options = z.strictObject({
  levels: z.int().min(2).max(4096).default(8).describe("Values that every number may take."),
});

export const ${plugin} = definePlugin({
  kind: "quantizer",
  id: "${name}",
  title: "Rounds every number to one of a few levels",
  options,
  create: ({ levels }, { latentShape }) => createQuantizer(levels, latentShape),
});

// Editors complete the id and the options in a typed configuration by this.
declare module "@revq/core" {
  interface KnownQuantizers {
    "${name}": OptionsOf<typeof ${plugin}>;
  }
}

/** How many training latents the spacing is learned from. */
const mostSamples = 256;

function createQuantizer(levels: number, shape: LatentShape): Quantizer {
  const size = latentSize(shape);
  const middle = (levels - 1) / 2;
  let step = tf.scalar(6 / levels);

  return {
    // Every number is a token; all share one codebook, the levels.
    tokens: { tokens: size, codes: [levels], groupOf: new Int32Array(size) },

    /** The levels cover three standard deviations on each side. */
    async fit(latents) {
      const count = Math.min(latents.count, mostSamples);
      const values = await latents.read(Array.from({ length: count }, (_, row) => row));
      const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length;
      const spacing = (6 * Math.sqrt(variance)) / levels || 1;
      step.dispose();
      step = tf.scalar(spacing);

      const used = new Set<number>();
      let squaredError = 0;
      for (const value of values) {
        const code = Math.min(levels - 1, Math.max(0, Math.round(value / spacing + middle)));
        used.add(code);
        squaredError += (value - (code - middle) * spacing) ** 2;
      }
      return { passes: [{ mse: squaredError / values.length, usage: used.size / levels }] };
    },

    async quantize(latents: Tensor4D) {
      const n = latents.shape[0];
      if (n === 0) return tf.zeros([0, size], "int32"); // no engine's kernels take an empty batch
      return tf.tidy(() => {
        const nearest = tf.round(tf.add(tf.div(latents, step), middle));
        return tf.cast(tf.reshape(tf.clipByValue(nearest, 0, levels - 1), [n, size]), "int32") as Tensor2D;
      });
    },

    dequantize(codes: Tensor2D) {
      const { channels, height, width } = shape;
      const n = codes.shape[0];
      if (n === 0) return tf.zeros([0, height, width, channels]);
      return tf.tidy(() => {
        const levelOf = tf.reshape(tf.cast(codes, "float32"), [n, height, width, channels]) as Tensor4D;
        return tf.mul(tf.sub(levelOf, middle), step) as Tensor4D;
      });
    },

    // What a tokenizer's file must hold; \`restore\` copies what it is given.
    state: () => ({ step }),
    restore(state) {
      const saved = requireTensor(state, "step", []);
      step.dispose();
      step = tf.clone(saved) as typeof step;
    },
    dispose() {
      step.dispose();
    },
  };
}
`;
