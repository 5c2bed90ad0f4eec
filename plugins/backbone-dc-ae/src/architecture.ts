/**
 * The two networks of an AutoencoderDC (Deep Compression Autoencoder, arXiv 2410.10733) as lists of
 * layers. Names and arithmetic are diffusers'. The network (network.ts) and the list of tensors
 * that a file must hold come from the same lists.
 */
import { parseConfig, type Activation, type AutoencoderDcConfig, type Norm, type Stage } from "./config.js";

export type Layer =
  | { readonly kind: "conv"; readonly name: string; readonly from: number; readonly to: number }
  /** Halves the resolution. `shortcut`: plus the average of the unshuffled input's channels. */
  | {
      readonly kind: "down";
      readonly name: string;
      readonly from: number;
      readonly to: number;
      readonly unshuffle: boolean;
      readonly shortcut: boolean;
    }
  /** Doubles the resolution. `shortcut`: plus the shuffled input with repeated channels. */
  | {
      readonly kind: "up";
      readonly name: string;
      readonly from: number;
      readonly to: number;
      readonly shuffle: boolean;
      readonly shortcut: boolean;
    }
  | {
      readonly kind: "residual";
      readonly name: string;
      readonly channels: number;
      readonly norm: Norm;
      readonly activation: Activation;
    }
  | {
      readonly kind: "transformer";
      readonly name: string;
      readonly channels: number;
      readonly headDim: number;
      readonly multiscales: readonly number[];
    }
  /** The convolution into the latent plus averaged channels. */
  | { readonly kind: "toLatent"; readonly name: string; readonly from: number; readonly to: number }
  /** The convolution out of the latent plus repeated channels. */
  | { readonly kind: "fromLatent"; readonly name: string; readonly from: number; readonly to: number }
  | { readonly kind: "normRelu"; readonly name: string; readonly channels: number };

export interface Architecture {
  readonly encoder: readonly Layer[];
  readonly decoder: readonly Layer[];
}

/** Width of the gated convolution of an EfficientViT block, as a multiple of its channels. */
const expandRatio = 4;

/** The networks that the contents of a config.json describe. Throws `dc-ae-config`. */
export function readArchitecture(json: unknown): Architecture {
  return architectureOf(parseConfig(json, "The option config"));
}

export function architectureOf(config: AutoencoderDcConfig): Architecture {
  return { encoder: encoderLayers(config), decoder: decoderLayers(config) };
}

/**
 * The first stage that has layers. It is connected to the image by a plain convolution, or, when it
 * is the second stage, by a resampling one.
 */
function imageStage(stages: readonly Stage[]): { channels: number; resamples: boolean } {
  const resamples = stages[0]!.layers === 0;
  return { channels: stages[resamples ? 1 : 0]!.channels, resamples };
}

function encoderLayers({ encoder, latentChannels, headDim, downsample }: AutoencoderDcConfig): Layer[] {
  const unshuffle = downsample === "pixel_unshuffle";
  const { channels, resamples } = imageStage(encoder);
  const layers: Layer[] = [
    resamples
      ? { kind: "down", name: "encoder.conv_in", from: 3, to: channels, unshuffle, shortcut: false }
      : { kind: "conv", name: "encoder.conv_in", from: 3, to: channels },
  ];
  for (const [index, stage] of encoder.entries()) {
    const name = `encoder.down_blocks.${index}`;
    layers.push(...blocks(stage, name, 0, headDim));
    const next = encoder[index + 1];
    if (next && stage.layers > 0)
      layers.push({
        kind: "down",
        name: `${name}.${stage.layers}`,
        from: stage.channels,
        to: next.channels,
        unshuffle,
        shortcut: true,
      });
  }
  layers.push({ kind: "toLatent", name: "encoder.conv_out", from: encoder.at(-1)!.channels, to: latentChannels });
  return layers;
}

function decoderLayers({ decoder, latentChannels, headDim, upsample }: AutoencoderDcConfig): Layer[] {
  const shuffle = upsample === "pixel_shuffle";
  const { channels, resamples } = imageStage(decoder);
  const layers: Layer[] = [
    { kind: "fromLatent", name: "decoder.conv_in", from: latentChannels, to: decoder.at(-1)!.channels },
  ];
  for (const [index, stage] of [...decoder.entries()].reverse()) {
    const name = `decoder.up_blocks.${index}`;
    const before = decoder[index + 1];
    const resample = before !== undefined && stage.layers > 0;
    if (resample)
      layers.push({
        kind: "up",
        name: `${name}.0`,
        from: before.channels,
        to: stage.channels,
        shuffle,
        shortcut: true,
      });
    layers.push(...blocks(stage, name, resample ? 1 : 0, headDim));
  }
  layers.push({ kind: "normRelu", name: "decoder.norm_out", channels });
  layers.push(
    resamples
      ? { kind: "up", name: "decoder.conv_out", from: channels, to: 3, shuffle, shortcut: false }
      : { kind: "conv", name: "decoder.conv_out", from: channels, to: 3 },
  );
  return layers;
}

function blocks(stage: Stage, name: string, first: number, headDim: number): Layer[] {
  const { block, channels, layers, multiscales, norm, activation } = stage;
  return Array.from({ length: layers }, (_, index): Layer => {
    const own = `${name}.${first + index}`;
    return block === "ResBlock"
      ? { kind: "residual", name: own, channels, norm, activation }
      : { kind: "transformer", name: own, channels, headDim, multiscales };
  });
}

/**
 * The convolution of a resampling layer: its name in the file, and its output channels before a
 * shuffle or unshuffle.
 */
export function resamplingConvolution(layer: Extract<Layer, { kind: "down" | "up" }>): { name: string; out: number } {
  const out =
    layer.kind === "down" ? (layer.unshuffle ? layer.to / 4 : layer.to) : layer.shuffle ? layer.to * 4 : layer.to;
  return { name: `${layer.name}.conv`, out };
}

/**
 * Every tensor of diffusers' `state_dict` that the network uses, with its shape in PyTorch's
 * layout. Allocates nothing.
 */
export function expectedTensors({ encoder, decoder }: Architecture): Map<string, readonly number[]> {
  const expected = new Map<string, readonly number[]>();
  const conv = (name: string, from: number, to: number, bias = true): void => {
    expected.set(`${name}.weight`, [to, from, 3, 3]);
    if (bias) expected.set(`${name}.bias`, [to]);
  };
  const affine = (name: string, channels: number): void => {
    expected.set(`${name}.weight`, [channels]);
    expected.set(`${name}.bias`, [channels]);
  };
  for (const layer of [...encoder, ...decoder]) {
    const { name } = layer;
    switch (layer.kind) {
      case "conv":
      case "toLatent":
      case "fromLatent":
        conv(name, layer.from, layer.to);
        break;
      case "down":
      case "up": {
        const { name: inner, out } = resamplingConvolution(layer);
        conv(inner, layer.from, out);
        break;
      }
      case "residual":
        conv(`${name}.conv1`, layer.channels, layer.channels);
        conv(`${name}.conv2`, layer.channels, layer.channels, false);
        affine(`${name}.norm`, layer.channels);
        if (layer.norm === "batch_norm") {
          expected.set(`${name}.norm.running_mean`, [layer.channels]);
          expected.set(`${name}.norm.running_var`, [layer.channels]);
        }
        break;
      case "transformer": {
        const { channels, headDim, multiscales } = layer;
        const hidden = expandRatio * channels;
        for (const part of ["to_q", "to_k", "to_v"]) expected.set(`${name}.attn.${part}.weight`, [channels, channels]);
        for (const [scale, side] of multiscales.entries()) {
          expected.set(`${name}.attn.to_qkv_multiscale.${scale}.proj_in.weight`, [3 * channels, 1, side, side]);
          expected.set(`${name}.attn.to_qkv_multiscale.${scale}.proj_out.weight`, [3 * channels, headDim, 1, 1]);
        }
        expected.set(`${name}.attn.to_out.weight`, [channels, (1 + multiscales.length) * channels]);
        affine(`${name}.attn.norm_out`, channels);
        expected.set(`${name}.conv_out.conv_inverted.weight`, [2 * hidden, channels, 1, 1]);
        expected.set(`${name}.conv_out.conv_inverted.bias`, [2 * hidden]);
        expected.set(`${name}.conv_out.conv_depth.weight`, [2 * hidden, 1, 3, 3]);
        expected.set(`${name}.conv_out.conv_depth.bias`, [2 * hidden]);
        expected.set(`${name}.conv_out.conv_point.weight`, [channels, hidden, 1, 1]);
        affine(`${name}.conv_out.norm`, channels);
        break;
      }
      case "normRelu":
        affine(name, layer.channels);
        break;
    }
  }
  return expected;
}

/**
 * Names of the decoder's weights, up to each doubling of the resolution. The statistics of a batch
 * norm are not weights.
 */
export function decoderStages({ decoder }: Architecture): string[][] {
  const stages: string[][] = [[]];
  for (const layer of decoder) {
    if (layer.kind === "up") stages.push([]);
    const names = [...expectedTensors({ encoder: [], decoder: [layer] }).keys()];
    stages.at(-1)!.push(...names.filter((name) => !name.includes(".running_")));
  }
  return stages;
}

/**
 * True for kernels of full 3x3 convolutions. They are most of the weights, so they are kept as
 * `[y, x, in, out]`, the engines' layout.
 */
export function isDenseKernel(shape: readonly number[]): boolean {
  return shape.length === 4 && shape[1]! > 1 && shape[2]! > 1;
}
