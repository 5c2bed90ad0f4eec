/** A backbone to start from: the mean colour of every patch. */
import { descriptorSource } from "./descriptor.js";

export const backboneFiles = (name: string, plugin: string): Record<string, string> => ({
  "src/index.ts": descriptorSource({
    kind: "backbone",
    name,
    plugin,
    title: "The mean colour of every patch",
    imports: [],
    options: `patch: z.int().min(1).max(64).default(8).describe("Side of a patch in pixels."),`,
    members: `  // "required": the user names weights, which come in the context; "fitted": learned from the training images.
  weights: "optional",`,
    create: ["{ patch }", "patch"],
  }),
  "src/backbone.ts": `/** The latent is the mean colour of every patch. The decoder paints the patch in it. */
import { latentShapeOf, type Backbone, type BackboneSpec } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";

export function createBackbone(patch: number): Backbone {
  const name = \`mean colour \${patch}x\${patch}\`;
  const spec: BackboneSpec = { name, downsample: patch, latentChannels: 3, decodes: true };
  // Every weight. A tokenizer keeps their fingerprint and refuses to be opened with others.
  const weights = { patch: tf.scalar(patch, "int32") };
  return {
    spec,
    /** images \`[n, H, W, 3]\` in [-1, 1] -> latents \`[n, H / patch, W / patch, 3]\` */
    async encode(images) {
      const [n, height, width] = images.shape;
      const [{ height: h }, { height: w }] = [latentShapeOf(spec, height), latentShapeOf(spec, width)];
      if (n === 0) return tf.zeros([0, h, w, 3]); // no engine takes an empty batch
      return tf.avgPool(images, patch, patch, "valid");
    },
    async decode(latents) {
      const [n, h, w] = latents.shape;
      if (n === 0) return tf.zeros([0, h * patch, w * patch, 3]);
      return tf.tidy(() => {
        const columns = tf.tile(tf.reshape(latents, [n * h, w, 1, 3]), [1, 1, patch, 1]);
        const rows = tf.tile(tf.reshape(columns, [n * h, 1, w * patch * 3]), [1, patch, 1]);
        return tf.reshape(rows, [n, h * patch, w * patch, 3]) as Tensor4D;
      });
    },
    state: () => weights,
    dispose: () => weights.patch.dispose(),
  };
}
`,
});
