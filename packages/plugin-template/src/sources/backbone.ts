/** A backbone to start from: the mean colour of every patch. */
export const backboneSource = (
  name: string,
  plugin: string,
): string => `/** The backbone \`${name}\`: its latent is the mean colour of every patch, its decoder paints the patch in it. */
import { definePlugin, latentShapeOf, type Backbone, type BackboneSpec, type OptionsOf } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const options = z.strictObject({
  patch: z.int().min(1).max(64).default(8).describe("Side of a patch in pixels."),
});

export const ${plugin} = definePlugin({
  kind: "backbone",
  id: "${name}",
  title: "The mean colour of every patch",
  options,
  // "required": the user names weights, which come in the context; "fitted": learned from the training images.
  weights: "optional",
  create: async ({ patch }) => createBackbone(patch),
});

// Editors complete the id and the options in a typed configuration by this.
declare module "@revq/core" {
  interface KnownBackbones {
    "${name}": OptionsOf<typeof ${plugin}>;
  }
}

function createBackbone(patch: number): Backbone {
  const spec: BackboneSpec = { name: \`mean colour \${patch}x\${patch}\`, downsample: patch, latentChannels: 3, decodes: true };
  // Every weight: a tokenizer keeps their fingerprint, and refuses to be opened with others.
  const weights = { patch: tf.scalar(patch, "int32") };

  return {
    spec,

    /** images \`[n, H, W, 3]\` in [-1, 1] -> latents \`[n, H / patch, W / patch, 3]\` */
    async encode(images: Tensor4D) {
      const [n, height, width] = images.shape;
      const [{ height: h }, { height: w }] = [latentShapeOf(spec, height), latentShapeOf(spec, width)];
      if (n === 0) return tf.zeros([0, h, w, 3]); // no engine's kernels take an empty batch
      return tf.avgPool(images, patch, patch, "valid");
    },

    async decode(latents: Tensor4D) {
      const [n, h, w, channels] = latents.shape;
      if (n === 0) return tf.zeros([0, h * patch, w * patch, channels]);
      return tf.tidy(() => {
        const columns = tf.tile(tf.reshape(latents, [n * h, w, 1, channels]), [1, 1, patch, 1]);
        const rows = tf.tile(tf.reshape(columns, [n * h, 1, w * patch * channels]), [1, patch, 1]);
        return tf.reshape(rows, [n, h * patch, w * patch, channels]) as Tensor4D;
      });
    },

    state: () => weights,
    dispose() {
      weights.patch.dispose();
    },
  };
}
`;
