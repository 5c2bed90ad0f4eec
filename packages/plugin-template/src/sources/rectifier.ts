/** A rectifier to start from: one scale and one shift a channel, trained from the identity. */
export const rectifierSource = (
  name: string,
  plugin: string,
): string => `/** The rectifier \`${name}\`: scales and shifts every channel of the quantized latent. Training starts at the identity. */
import { definePlugin, requireTensor, type Rectifier, type OptionsOf } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { z } from "zod";

export const ${plugin} = definePlugin({
  kind: "rectifier",
  id: "${name}",
  title: "One scale and one shift a channel",
  options: z.strictObject({}),
  create: (_options, { latentShape: { channels } }) => createRectifier(channels),
});

// Editors complete the id and the options in a typed configuration by this.
declare module "@revq/core" {
  interface KnownRectifiers {
    "${name}": OptionsOf<typeof ${plugin}>;
  }
}

function createRectifier(channels: number): Rectifier {
  const scale = tf.tidy(() => tf.variable(tf.ones([channels])));
  const shift = tf.tidy(() => tf.variable(tf.zeros([channels])));

  return {
    variables: [scale, shift],

    rectify(quantized: Tensor4D) {
      if (quantized.shape[0] === 0) return tf.clone(quantized); // no engine's kernels take an empty batch
      return tf.tidy(() => tf.add(tf.mul(quantized, scale), shift) as Tensor4D);
    },

    // What a tokenizer's file must hold; \`restore\` copies what it is given.
    state: () => ({ scale, shift }),
    restore(state) {
      const saved = [requireTensor(state, "scale", [channels]), requireTensor(state, "shift", [channels])] as const;
      tf.tidy(() => {
        scale.assign(tf.clone(saved[0]));
        shift.assign(tf.clone(saved[1]));
      });
    },
    dispose() {
      scale.dispose();
      shift.dispose();
    },
  };
}
`;
