/** The decoder of an AutoencoderKL by operations that have gradients. Large latents are not tiled. */
import type { DecoderGradients, NamedTensors } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { expectedTensors } from "./architecture.js";
import type { AutoencoderKlConfig } from "./config.js";
import type { Layout } from "./layers.js";
import { createNetwork } from "./network.js";

/** @param state `Backbone.state()`, borrowed */
export function createDecoderGradients(
  config: AutoencoderKlConfig,
  state: NamedTensors,
  layout: Layout,
): DecoderGradients {
  const inward = (x: Tensor4D): Tensor4D => (layout === "NHWC" ? x : tf.transpose(x, [0, 3, 1, 2]));
  const outward = (x: Tensor4D): Tensor4D => (layout === "NHWC" ? x : tf.transpose(x, [0, 2, 3, 1]));
  return {
    stages: stagesOf(config),
    decode(latents, weights = {}) {
      const network = createNetwork(config, { ...state, ...weights }, { layout });
      const { images, features } = network.decodeWithFeatures(inward(latents));
      return { images: outward(images), features: features.map(outward) };
    },
  };
}

/** Before the middle block, the middle block, each block upwards, the head. */
function stagesOf(config: AutoencoderKlConfig): string[][] {
  const names = [...expectedTensors(config).keys()];
  const starting = (...prefixes: readonly string[]): string[] =>
    prefixes.flatMap((prefix) => names.filter((name) => name.startsWith(`${prefix}.`)));
  return [
    starting("post_quant_conv", "decoder.conv_in"),
    starting("decoder.mid_block"),
    ...config.blockOutChannels.map((_, block) => starting(`decoder.up_blocks.${block}`)),
    starting("decoder.conv_norm_out", "decoder.conv_out"),
  ];
}
