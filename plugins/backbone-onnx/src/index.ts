/** @revq/backbone-onnx: the plugin `onnx`, any VAE that was exported to ONNX. */
import { definePlugin, RevqError, type OptionsOf } from "@revq/core";
import { optionsSchema } from "./options.js";

export const onnx = definePlugin({
  kind: "backbone",
  id: "onnx",
  title: "Any VAE as ONNX files: encoder.onnx and decoder.onnx, or as optimum exports them",
  options: optionsSchema,
  weights: "required",
  async create(options, { imageSize, weights, state, note }) {
    const { createOnnxBackbone } = await import("./onnx-backbone.js");
    if (state) {
      const { bytesOfState } = await import("./model-state.js");
      return createOnnxBackbone(await bytesOfState(state), options, imageSize);
    }
    if (!weights) {
      throw new RevqError("backbone-weights", "The backbone onnx needs its two models.", {
        fix: "Name a folder that holds encoder.onnx and decoder.onnx.",
        setting: { path: "backbone.weights" },
      });
    }
    const { readModels } = await import("./find-models.js");
    return createOnnxBackbone(await readModels(weights, note), options, imageSize);
  },
});

declare module "@revq/core" {
  interface KnownBackbones {
    onnx: OptionsOf<typeof onnx>;
  }
}

export type { OnnxOptions } from "./options.js";
export { useOnnxRuntime, type OnnxRuntime } from "./runtime.js";
