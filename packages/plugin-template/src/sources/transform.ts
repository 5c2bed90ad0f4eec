/** A transform to start from: sums and differences of horizontal neighbours. */
import { descriptorSource } from "./descriptor.js";

export const transformFiles = (name: string, plugin: string): Record<string, string> => ({
  "src/index.ts": descriptorSource({
    kind: "transform",
    name,
    plugin,
    title: "Sums and differences of horizontal neighbours",
    imports: [],
    options: "",
    members: `  // Two neighbours, all channels, are a block. Null where the blocks do not divide the latent or the tokens.
  layout(_options, { latentShape: { height, width }, tokens }) {
    const blocks = (height * width) / 2;
    if (width % 2 !== 0 || tokens % blocks !== 0) return null;
    return { block: [1, 2], blocks, decorrelated: true };
  },
  parameterCount: () => 0,`,
    create: ["_options, { latentShape }", "latentShape"],
  }),
  "src/transform.ts": `/** Replaces two horizontal neighbours by their sum and difference, divided by sqrt(2). It is its own inverse. */
import type { LatentShape, Transform } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";

/** Training latents that the variances are measured on. */
const maxSamples = 256;

export function createTransform(shape: LatentShape): Transform {
  const { channels, height, width } = shape;
  let variances: Float64Array | null = null;

  /** On arrays \`[n, h, w, c]\`, flat, in place: float64, the same bits on every engine. */
  function onHost(values: Float32Array): void {
    for (let start = 0; start < values.length; start += 2 * channels)
      for (let left = start; left < start + channels; left++) {
        const [a, b] = [values[left]!, values[left + channels]!];
        values[left] = (a + b) * Math.SQRT1_2;
        values[left + channels] = (a - b) * Math.SQRT1_2;
      }
  }

  function onEngine(values: Tensor4D): Tensor4D {
    const n = values.shape[0];
    if (n === 0) return tf.clone(values); // no engine takes an empty batch
    return tf.tidy(() => {
      const [a, b] = tf.split(tf.reshape(values, [(n * height * width) / 2, 2, channels]), 2, 1);
      const both = tf.concat([tf.add(a!, b!), tf.sub(a!, b!)], 1);
      return tf.reshape(tf.mul(both, Math.SQRT1_2), [n, height, width, channels]) as Tensor4D;
    });
  }

  return {
    layout: { block: [1, 2], blocks: (height * width) / 2, decorrelated: true },
    get variances() {
      return variances;
    },
    /** Nothing is learned but the variances, by which quantizers order the coefficients. */
    async fit(latents) {
      const values = await latents.read(Array.from({ length: Math.min(latents.count, maxSamples) }, (_, row) => row));
      onHost(values);
      const squares = new Float64Array(2 * channels);
      values.forEach((value, i) => (squares[i % squares.length]! += value * value));
      variances = squares.map((sum) => (sum * squares.length) / values.length);
    },
    host: async () => ({ forward: onHost, inverse: onHost }),
    forward: onEngine,
    inverse: onEngine,
    // What a tokenizer's file must hold: nothing here.
    state: () => ({}),
    restore: () => {},
    dispose: () => {},
  };
}
`,
});
