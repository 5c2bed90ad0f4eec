/** The decoder of a tiny autoencoder by operations that have gradients. */
import { requireTensor, type DecoderGradients, type NamedTensors } from "@revq/core";
import { upsampledConvolution } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { expectedTensors, type Layer } from "./architecture.js";
import { applyLayer, type LayerOperations } from "./network.js";

/** The decoder's tensors in `Backbone.state()` start with it. */
const prefix = "decoder.";

/** @param state `Backbone.state()`, borrowed */
export function createDecoderGradients(layers: readonly Layer[], state: NamedTensors): DecoderGradients {
  return {
    stages: stagesOf(layers),
    decode(latents, replaced = {}) {
      const weights: Record<string, Tensor> = { ...state, ...replaced };
      const operations = operationsOn(weights);
      const features: Tensor4D[] = [];
      let x = latents;
      layers.forEach((layer, position) => {
        if (layer.kind === "upsample") features.push(x);
        x = applyLayer(layer, x, position, operations);
      });
      return { images: tf.sub(tf.mul(x, 2), 1), features };
    },
  };
}

/** Not fused: these have gradients. No layer of a decoder has a stride. */
function operationsOn(weights: NamedTensors): LayerOperations {
  const tensor = (name: string): Tensor => requireTensor(weights, `${prefix}${name}`);
  /** [out, in, y, x] -> [y, x, in, out] */
  const filterOf = (name: string): Tensor4D => tf.transpose(tensor(`${name}.weight`) as Tensor4D, [2, 3, 1, 0]);
  const withBias = (y: Tensor4D, name: string): Tensor4D => {
    const bias = weights[`${prefix}${name}.bias`];
    return bias ? tf.add(y, bias) : y;
  };
  return {
    tensor,
    conv: (x, name) => withBias(tf.conv2d(x, filterOf(name), 1, "same"), name),
    convUpsampled: (x, name) =>
      withBias(
        upsampledConvolution(x, filterOf(name), "NHWC", (x, filter, pad) => tf.conv2d(x, filter, 1, pad)),
        name,
      ),
  };
}

/** The tensors of the layers up to each doubling. */
function stagesOf(layers: readonly Layer[]): string[][] {
  const stages: string[][] = [[]];
  layers.forEach((layer, position) => {
    if (layer.kind === "upsample") stages.push([]);
    const names = [...expectedTensors([layer]).keys()].map((name) => `${prefix}${name.replace("0", `${position}`)}`);
    stages.at(-1)!.push(...names);
  });
  return stages;
}
