/**
 * Encoder and decoder of an AutoencoderKL: plain functions over tensors with diffusers' names. Call
 * them inside `tf.tidy`.
 */
import { requireTensor, type DecoderOutput, type NamedTensors } from "@revq/core";
import { runLayers, silu, upsampledConvolution } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import type { AutoencoderKlConfig } from "./config.js";
import { conv, fusedConv, groupNorm, type Layout, type LayerWeights } from "./layers.js";

export interface Network {
  /**
   * Image `[n,H,W,3]` in [-1, 1] -> mean and log-variance `[n,h,w,2c]` of the posterior; channels
   * first with layout NCHW.
   */
  encode(images: tf.Tensor4D): tf.Tensor4D;
  /** Latent `[n,h,w,c]` -> image `[n,H,W,3]`, not clamped. */
  decode(latents: tf.Tensor4D): tf.Tensor4D;
  /** The same with gradients, and the activations before each doubling of the resolution. */
  decodeWithFeatures(latents: tf.Tensor4D): DecoderOutput;
}

export interface NetworkOptions {
  readonly layout?: Layout;
  /**
   * Frozen weights: frees what a layer used before the next one runs. There are then no gradients.
   */
  readonly frozen?: boolean;
}

/** @param weights in tfjs' layout (see `toEngineLayout`), borrowed. Variables get gradients. */
export function createNetwork(
  config: AutoencoderKlConfig,
  weights: NamedTensors,
  { layout = "NHWC", frozen = false }: NetworkOptions = {},
): Network {
  const { blockOutChannels, layersPerBlock, normGroups, midAttention, quantConv, postQuantConv } = config;
  const layer = (name: string): LayerWeights => ({
    weight: requireTensor(weights, `${name}.weight`),
    bias: requireTensor(weights, `${name}.bias`),
  });
  const convolution = frozen ? fusedConv : conv;
  const convolve = (x: tf.Tensor4D, name: string, stride: 1 | 2 = 1) => convolution(x, layer(name), layout, stride);
  const norm = (x: tf.Tensor4D, name: string) => groupNorm(x, layer(name), normGroups, layout);

  function resnet(x: tf.Tensor4D, name: string): tf.Tensor4D {
    const hidden = convolve(silu(norm(x, `${name}.norm1`)), `${name}.conv1`);
    const change = convolve(silu(norm(hidden, `${name}.norm2`)), `${name}.conv2`);
    const shortcut = `${name}.conv_shortcut.weight` in weights ? convolve(x, `${name}.conv_shortcut`) : x;
    return tf.add(shortcut, change);
  }

  /** One head over all positions. */
  function attention(x: tf.Tensor4D, name: string): tf.Tensor4D {
    const normal = norm(x, `${name}.group_norm`);
    const last = layout === "NHWC" ? normal : tf.transpose(normal, [0, 2, 3, 1]);
    const [n, height, width, channels] = last.shape as [number, number, number, number];
    const positions: tf.Tensor2D = tf.reshape(last, [n * height * width, channels]);
    const linear = (y: tf.Tensor2D, part: string): tf.Tensor2D => {
      const { weight, bias } = layer(`${name}.${part}`);
      return tf.add<tf.Tensor2D>(tf.matMul(y, weight as tf.Tensor2D), bias);
    };
    const sequence = (part: string): tf.Tensor3D =>
      tf.reshape(linear(positions as tf.Tensor2D, part), [n, height * width, channels]);
    const scores = tf.mul<tf.Tensor3D>(
      tf.matMul(sequence("to_q"), sequence("to_k"), false, true),
      1 / Math.sqrt(channels),
    );
    const mixed = tf.matMul<tf.Tensor3D>(tf.softmax(scores), sequence("to_v"));
    const out: tf.Tensor4D = tf.reshape(linear(tf.reshape(mixed, positions.shape), "to_out.0"), [
      n,
      height,
      width,
      channels,
    ]);
    return tf.add(x, layout === "NHWC" ? out : tf.transpose(out, [0, 3, 1, 2]));
  }

  type Step = (x: tf.Tensor4D) => tf.Tensor4D;
  const resnetStep =
    (name: string): Step =>
    (x) =>
      resnet(x, name);
  const middle = (name: string): Step[] => [
    resnetStep(`${name}.resnets.0`),
    ...(midAttention ? [(x: tf.Tensor4D) => attention(x, `${name}.attentions.0`)] : []),
    resnetStep(`${name}.resnets.1`),
  ];
  const head =
    (name: string): Step =>
    (x) =>
      convolve(silu(norm(x, `${name}.conv_norm_out`)), `${name}.conv_out`);
  const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

  const blocks = blockOutChannels.length;
  const encoder: Step[] = [
    (x) => convolve(x, "encoder.conv_in"),
    ...range(blocks).flatMap((block): Step[] => {
      const name = `encoder.down_blocks.${block}`;
      const resnets = range(layersPerBlock).map((i) => resnetStep(`${name}.resnets.${i}`));
      return block < blocks - 1 ? [...resnets, (x) => convolve(x, `${name}.downsamplers.0.conv`, 2)] : resnets;
    }),
    ...middle("encoder.mid_block"),
    head("encoder"),
    ...(quantConv ? [(x: tf.Tensor4D) => convolve(x, "quant_conv")] : []),
  ];
  const resnets = (block: number): Step[] =>
    range(layersPerBlock + 1).map((i) => resnetStep(`decoder.up_blocks.${block}.resnets.${i}`));
  const double =
    (block: number): Step =>
    (x) => {
      const { weight, bias } = layer(`decoder.up_blocks.${block}.upsamplers.0.conv`);
      return upsampledConvolution(x, weight as tf.Tensor4D, layout, (x, weight, pad) =>
        convolution(x, { weight, bias }, layout, 1, pad),
      );
    };
  const stem: Step[] = [
    ...(postQuantConv ? [(x: tf.Tensor4D) => convolve(x, "post_quant_conv")] : []),
    (x) => convolve(x, "decoder.conv_in"),
    ...middle("decoder.mid_block"),
  ];
  /** Cut before each doubling. */
  const decoder = range(blocks).map((block): Step[] => [
    ...(block === 0 ? stem : [double(block - 1)]),
    ...resnets(block),
    ...(block === blocks - 1 ? [head("decoder")] : []),
  ]);

  const run = (steps: readonly Step[], input: tf.Tensor4D): tf.Tensor4D =>
    frozen ? runLayers(steps, input, (step, x) => step(x)) : steps.reduce((x, step) => step(x), input);
  return {
    encode: (images) => run(encoder, images),
    decode: (latents) => run(decoder.flat(), latents),
    decodeWithFeatures(latents) {
      const outputs: tf.Tensor4D[] = [];
      decoder.reduce((x, steps) => {
        outputs.push(steps.reduce((y, step) => step(y), x));
        return outputs.at(-1)!;
      }, latents);
      return { images: outputs.pop()!, features: outputs };
    },
  };
}

/**
 * PyTorch's layout to tfjs': convolutions `[out, in, y, x]` to `[y, x, in, out]`, linear layers
 * `[out, in]` to `[in, out]`. The result is a new tensor.
 */
export function toEngineLayout(tensor: tf.Tensor): tf.Tensor {
  if (tensor.rank === 4) return tf.transpose(tensor, [2, 3, 1, 0]);
  return tensor.rank === 2 ? tf.transpose(tensor) : tf.clone(tensor);
}

/** tfjs' layout to PyTorch's: the inverse of `toEngineLayout`. The result is a new tensor. */
export function toTorchLayout(tensor: tf.Tensor): tf.Tensor {
  if (tensor.rank === 4) return tf.transpose(tensor, [3, 2, 0, 1]);
  return tensor.rank === 2 ? tf.transpose(tensor) : tf.clone(tensor);
}
