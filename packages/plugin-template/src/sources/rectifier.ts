/** A rectifier to start from: one scale and one shift per channel, trained from the identity. */
import { descriptorSource } from "./descriptor.js";

export const rectifierFiles = (name: string, plugin: string): Record<string, string> => ({
  "src/index.ts": descriptorSource({
    kind: "rectifier",
    name,
    plugin,
    title: "One scale and one shift per channel",
    imports: [],
    options: "",
    members: "  parameterCount: (_options, { channels }) => 2 * channels,",
    create: ["_options, { latentShape }", "latentShape.channels"],
  }),
  "src/rectifier.ts": `/** Scales and shifts every channel of the quantized latent. Training starts at the identity. */
import { requireTensor, type Rectifier } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";

export function createRectifier(channels: number): Rectifier {
  const scale = tf.tidy(() => tf.variable(tf.ones([channels])));
  const shift = tf.tidy(() => tf.variable(tf.zeros([channels])));
  return {
    variables: [scale, shift],
    rectify(quantized) {
      if (quantized.shape[0] === 0) return tf.clone(quantized); // no engine takes an empty batch
      return tf.tidy(() => tf.add(tf.mul(quantized, scale), shift) as Tensor4D);
    },
    // What a tokenizer's file must hold; \`restore\` copies it.
    state: () => ({ scale, shift }),
    restore(state) {
      for (const [name, variable] of Object.entries({ scale, shift }))
        tf.tidy(() => variable.assign(tf.clone(requireTensor(state, name, [channels])) as typeof variable));
    },
    dispose: () => tf.dispose([scale, shift]),
  };
}
`,
});
