/** @revq/backbone-onnx: the plugin `onnx`, any VAE that was exported to ONNX. */
import { definePlugin, RevqError, type OptionsOf } from "@revq/core";
import { readModels } from "./find-models.js";
import { bytesOfState } from "./model-state.js";
import { createOnnxBackbone } from "./onnx-backbone.js";
import { optionsSchema } from "./options.js";

export const onnx = definePlugin({
  kind: "backbone",
  id: "onnx",
  title: "Any VAE as ONNX files: encoder.onnx and decoder.onnx, or as optimum exports them",
  options: optionsSchema,
  weights: "required",
  async create(options, { imageSize, weights, state }) {
    if (state) return createOnnxBackbone(await bytesOfState(state), options, imageSize);
    if (weights) return createOnnxBackbone(await readModels(weights), options, imageSize);
    throw new RevqError("backbone-weights", "The backbone onnx needs its two models; none were named.", {
      fix: "Give --weights FOLDER with encoder.onnx and decoder.onnx.",
    });
  },
});

declare module "@revq/core" {
  interface KnownBackbones {
    onnx: OptionsOf<typeof onnx>;
  }
}

export type { OnnxOptions } from "./options.js";
export { useOnnxRuntime, type OnnxRuntime } from "./runtime.js";
