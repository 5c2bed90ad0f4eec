/** The decoder of a tiny autoencoder by operations that have gradients. */
import { requireTensor, type DecoderGradients, type NamedTensors } from "@revq/core";
import { upsampleNearest } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { expectedTensors, type Layer } from "./architecture.js";
import { groupNorm } from "./network.js";

/** The decoder's tensors in `Backbone.state()` start with it. */
const prefix = "decoder.";

/** @param state `Backbone.state()`, borrowed */
export function createDecoderGradients(layers: readonly Layer[], state: NamedTensors): DecoderGradients {
  function conv(x: Tensor4D, name: string, weights: NamedTensors): Tensor4D {
    const filter = requireTensor(weights, `${prefix}${name}.weight`) as Tensor4D;
    const bias = weights[`${prefix}${name}.bias`];
    // [out, in, y, x] -> [y, x, in, out]
    const y = tf.conv2d(x, tf.transpose(filter, [2, 3, 1, 0]), 1, "same");
    return bias ? tf.add(y, bias) : y;
  }

  function pooled(x: Tensor4D, name: string, weights: NamedTensors): Tensor4D {
    const [scale, shift] = [weights[`${prefix}${name}.1.weight`]!, weights[`${prefix}${name}.1.bias`]!];
    return conv(tf.relu(groupNorm(conv(x, `${name}.0`, weights), scale, shift)), `${name}.3`, weights);
  }

  function apply(layer: Layer, x: Tensor4D, position: number, weights: NamedTensors): Tensor4D {
    switch (layer.kind) {
      case "conv":
        return conv(x, `${position}`, weights);
      case "block": {
        const input = layer.pool ? tf.add<Tensor4D>(x, pooled(x, `${position}.pool`, weights)) : x;
        const first = tf.relu(conv(input, `${position}.conv.0`, weights));
        const second = tf.relu(conv(first, `${position}.conv.2`, weights));
        return tf.relu(tf.add<Tensor4D>(conv(second, `${position}.conv.4`, weights), input));
      }
      case "clamp":
        return tf.mul(tf.tanh(tf.div(x, 3)), 3);
      case "relu":
        return tf.relu(x);
      case "upsample":
        return upsampleNearest(x);
    }
  }

  return {
    stages: stagesOf(layers),
    decode(latents, replaced = {}) {
      const weights: Record<string, Tensor> = { ...state, ...replaced };
      const features: Tensor4D[] = [];
      let x = latents;
      layers.forEach((layer, position) => {
        if (layer.kind === "upsample") features.push(x);
        x = apply(layer, x, position, weights);
      });
      return { images: tf.sub(tf.mul(x, 2), 1), features };
    },
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
