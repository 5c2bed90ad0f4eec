/** @revq/rectifier-identity: no rectifier. What is decoded is the quantized latent itself; the floor for ablations. */
import { definePlugin, type Rectifier, type OptionsOf } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";

export const identity = definePlugin({
  kind: "rectifier",
  id: "identity",
  title: "no rectifier: decodes the quantized latent as it is",
  options: z.strictObject({}),
  describe: () => ({ parameters: 0 }),
  create: (): Rectifier => ({
    variables: [],
    rectify: (quantized) => tf.clone(quantized),
    state: () => ({}),
    restore: () => {},
    dispose: () => {},
  }),
});

declare module "@revq/core" {
  interface KnownRectifiers {
    identity: OptionsOf<typeof identity>;
  }
}
