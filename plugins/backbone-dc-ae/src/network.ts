/**
 * Runs the layers of an AutoencoderDC: plain functions over named tensors. Call them inside
 * `tf.tidy`.
 */
import type { DecoderOutput } from "@revq/core";
import {
  averageChannels,
  gluMbConv,
  multiScaleAttention,
  pixelShuffle,
  pixelUnshuffle,
  repeatChannels,
  rmsNorm,
  runLayers,
  silu,
  upsampledConvolution,
  type ParameterOf,
} from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { resamplingConvolution, type Layer } from "./architecture.js";
import type { Activation } from "./config.js";

/** Epsilon of PyTorch's BatchNorm. */
const batchNormEpsilon = 1e-5;

/**
 * Resampling by two: a pixel of one side has as many elements per channel as four pixels of the
 * other.
 */
const pixelsPerPixel = 4;

/**
 * A frozen network: frees what a layer used before the next one runs.
 * @param parameter by diffusers' name; dense 3x3 kernels as `[y, x, in, out]`, everything else in
 * PyTorch's layout
 */
export function runNetwork(layers: readonly Layer[], input: Tensor4D, parameter: ParameterOf): Tensor4D {
  const apply = layersOf(parameter, (settings) => tf.fused.conv2d(settings));
  return runLayers(layers, input, apply);
}

/**
 * With gradients. Features are the activations before each doubling of the resolution.
 * @param parameter as for `runNetwork`
 */
export function runDecoder(layers: readonly Layer[], input: Tensor4D, parameter: ParameterOf): DecoderOutput {
  const apply = layersOf(parameter, ({ x, filter, strides, pad, dimRoundingMode, bias }) => {
    const y = tf.conv2d(x, filter, strides, pad, "NHWC", 1, dimRoundingMode);
    return bias ? tf.add(y, bias) : y;
  });
  const features: Tensor4D[] = [];
  const images = layers.reduce((x, layer) => {
    if (layer.kind === "up") features.push(x);
    return apply(layer, x);
  }, input);
  return { images, features };
}

interface ConvSettings {
  readonly x: Tensor4D;
  /** `[y, x, in, out]` */
  readonly filter: Tensor4D;
  readonly strides: 1 | 2;
  readonly pad: Parameters<typeof tf.conv2d>[3];
  readonly dimRoundingMode?: "floor";
  readonly bias?: Tensor;
}

/** Applies one layer. */
function layersOf(
  parameter: ParameterOf,
  convolve: (settings: ConvSettings) => Tensor4D,
): (layer: Layer, x: Tensor4D) => Tensor4D {
  /**
   * PyTorch pads both sides by one, also with stride 2. tfjs' "same" would pad the far side only.
   */
  const conv = (x: Tensor4D, name: string, { stride = 1 as 1 | 2, bias = true } = {}): Tensor4D => {
    const filter = parameter(`${name}.weight`) as Tensor4D;
    const settings = { x, filter, strides: stride, pad: 1, dimRoundingMode: "floor" } as const;
    return convolve(bias ? { ...settings, bias: parameter(`${name}.bias`) } : settings);
  };
  const convUpsampled = (x: Tensor4D, name: string): Tensor4D =>
    upsampledConvolution(x, parameter(`${name}.weight`) as Tensor4D, "NHWC", (x, filter, pad) =>
      convolve({ x, filter, strides: 1, pad, bias: parameter(`${name}.bias`) }),
    );
  const below =
    (prefix: string): ParameterOf =>
    (name) =>
      parameter(`${prefix}.${name}`);

  function residual(x: Tensor4D, { name, norm, activation }: Extract<Layer, { kind: "residual" }>): Tensor4D {
    const hidden = activate(conv(x, `${name}.conv1`), activation);
    const out = conv(hidden, `${name}.conv2`, { bias: false });
    const of = below(`${name}.norm`);
    const normal =
      norm === "rms_norm"
        ? rmsNorm(out, of("weight"), of("bias"))
        : tf.add(
            tf.mul(
              tf.sub(out, of("running_mean")),
              tf.mul(of("weight"), tf.rsqrt(tf.add(of("running_var"), batchNormEpsilon))),
            ),
            of("bias"),
          );
    return tf.add(x, normal);
  }

  function down(x: Tensor4D, layer: Extract<Layer, { kind: "down" }>): Tensor4D {
    const { name } = resamplingConvolution(layer);
    const y = layer.unshuffle ? pixelUnshuffle(conv(x, name)) : conv(x, name, { stride: 2 });
    if (!layer.shortcut) return y;
    return tf.add(y, averageChannels(pixelUnshuffle(x), (pixelsPerPixel * layer.from) / layer.to));
  }

  function up(x: Tensor4D, layer: Extract<Layer, { kind: "up" }>): Tensor4D {
    const { name } = resamplingConvolution(layer);
    const y = layer.shuffle ? pixelShuffle(conv(x, name)) : convUpsampled(x, name);
    if (!layer.shortcut) return y;
    return tf.add(y, pixelShuffle(repeatChannels(x, (pixelsPerPixel * layer.to) / layer.from)));
  }

  return (layer, x) => {
    const { name } = layer;
    switch (layer.kind) {
      case "conv":
        return conv(x, name);
      case "toLatent":
        return tf.add(conv(x, name), averageChannels(x, layer.from / layer.to));
      case "fromLatent":
        return tf.add(conv(x, name), repeatChannels(x, layer.to / layer.from));
      case "down":
        return down(x, layer);
      case "up":
        return up(x, layer);
      case "residual":
        return residual(x, layer);
      case "transformer":
        return gluMbConv(
          multiScaleAttention(x, layer.headDim, below(`${name}.attn`), layer.multiscales.length),
          below(`${name}.conv_out`),
        );
      case "normRelu":
        return tf.relu(rmsNorm(x, parameter(`${name}.weight`), parameter(`${name}.bias`)));
    }
  };
}

function activate(x: Tensor4D, activation: Activation): Tensor4D {
  switch (activation) {
    case "silu":
      return silu(x);
    case "relu":
      return tf.relu(x);
    case "relu6":
      return tf.relu6(x);
  }
}
