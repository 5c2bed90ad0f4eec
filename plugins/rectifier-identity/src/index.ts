/**
 * @revq/rectifier-identity: the plugin `identity`, no rectifier: the quantized latent itself is
 * decoded. The baseline of ablations.
 */
import { definePlugin, type OptionsOf } from "@revq/core";
import { z } from "zod";

export const identity = definePlugin({
  kind: "rectifier",
  id: "identity",
  title: "No rectifier: decodes the quantized latent as it is",
  options: z.strictObject({}),
  parameterCount: () => 0,
  async create() {
    const tf = await import("@tensorflow/tfjs-core");
    return {
      variables: [],
      rectify: (quantized) => tf.clone(quantized),
      state: () => ({}),
      restore: () => {},
      dispose: () => {},
    };
  },
});

declare module "@revq/core" {
  interface KnownRectifiers {
    identity: OptionsOf<typeof identity>;
  }
}
