/**
 * The networks of the TAESD family as data: the layer at each position of their `nn.Sequential`.
 * Positions are those in the keys of the published weights. Source: taesd.py of
 * https://github.com/madebyollin/taesd (MIT). The `pool` branch of taef2 is that project's
 * `use_midblock_gn`. No tensors here.
 */

import type { LatentScaling } from "@revq/core";

/** A 3x3 convolution, padded by one on every side. */
export interface ConvLayer {
  readonly kind: "conv";
  readonly inputs: number;
  readonly outputs: number;
  readonly stride: 1 | 2;
  readonly bias: boolean;
  /** It follows an `upsample`. */
  readonly upsampled?: true;
}

/**
 * relu(conv(x') + x') with three convolutions; x' = x, or x + pool(x) where the block has that
 * branch.
 */
export interface BlockLayer {
  readonly kind: "block";
  readonly channels: number;
  readonly pool: boolean;
}

export type Layer =
  | ConvLayer
  | BlockLayer
  /** 3 tanh(x / 3): keeps latents in the range that the decoder was trained on. */
  | { readonly kind: "clamp" }
  | { readonly kind: "relu" }
  /** Twice the height and width, by repetition. */
  | { readonly kind: "upsample" };

export const variantNames = ["taesd", "taesdxl", "taesd3", "taef1", "taef2", "taesana"] as const;
export type VariantName = (typeof variantNames)[number];
export const defaultVariant: VariantName = "taesd";

export interface Variant {
  readonly latentChannels: number;
  /** Null: FLUX.2's latents are normalized by statistics of each channel and place. */
  readonly scaling: LatentScaling | null;
  readonly downsample: number;
  readonly encoder: readonly Layer[];
  readonly decoder?: readonly Layer[];
}

const width = 64;
/** Hidden channels of the `pool` branch, as a multiple of the block's. */
const poolExpansion = 4;
/** Groups of the `pool` branch's group norm. */
export const poolGroups = 4;

/**
 * Every tensor of a network, with its shape in PyTorch's layout: convolutions `[out, in, y, x]`.
 */
export function expectedTensors(layers: readonly Layer[]): Map<string, readonly number[]> {
  const expected = new Map<string, readonly number[]>();
  layers.forEach((layer, position) => {
    if (layer.kind === "conv") {
      expected.set(`${position}.weight`, [layer.outputs, layer.inputs, 3, 3]);
      if (layer.bias) expected.set(`${position}.bias`, [layer.outputs]);
    } else if (layer.kind === "block") {
      const { channels } = layer;
      for (const step of [0, 2, 4]) {
        expected.set(`${position}.conv.${step}.weight`, [channels, channels, 3, 3]);
        expected.set(`${position}.conv.${step}.bias`, [channels]);
      }
      if (!layer.pool) return;
      const hidden = channels * poolExpansion;
      expected.set(`${position}.pool.0.weight`, [hidden, channels, 1, 1]);
      expected.set(`${position}.pool.1.weight`, [hidden]);
      expected.set(`${position}.pool.1.bias`, [hidden]);
      expected.set(`${position}.pool.3.weight`, [channels, hidden, 1, 1]);
    }
  });
  return expected;
}

function f8(latentChannels: number, scaling: LatentScaling | null, pool = false): Variant {
  return {
    latentChannels,
    scaling,
    downsample: 8,
    encoder: encoder(latentChannels, pool),
    decoder: decoder(latentChannels, pool),
  };
}

function conv(inputs: number, outputs: number): ConvLayer {
  return { kind: "conv", inputs, outputs, stride: 1, bias: true };
}

const halve: ConvLayer = { kind: "conv", inputs: width, outputs: width, stride: 2, bias: false };

function blocks(count: number, pool = false): BlockLayer[] {
  return Array.from({ length: count }, () => ({ kind: "block", channels: width, pool }));
}

function encoder(latentChannels: number, pool: boolean): Layer[] {
  const stages = [false, false, pool].flatMap((pooled) => [halve, ...blocks(3, pooled)]);
  return [conv(3, width), ...blocks(1), ...stages, conv(width, latentChannels)];
}

function decoder(latentChannels: number, pool: boolean): Layer[] {
  const stages = [pool, false, false].flatMap((pooled): Layer[] => [
    ...blocks(3, pooled),
    { kind: "upsample" },
    { ...conv(width, width), bias: false, upsampled: true },
  ]);
  return [{ kind: "clamp" }, conv(latentChannels, width), { kind: "relu" }, ...stages, ...blocks(1), conv(width, 3)];
}

function f32Encoder(latentChannels: number): Layer[] {
  const stem: Layer[] = [
    { ...conv(3, width / 2), stride: 2 },
    { kind: "relu" },
    { ...conv(width / 2, width), stride: 2 },
    { kind: "relu" },
  ];
  const stages = [1, 2, 3].flatMap(() => [halve, ...blocks(3)]);
  return [...stem, ...blocks(1), ...stages, conv(width, latentChannels)];
}

/** The factors of the VAE that is imitated, from its config.json. */
function scaled(scale: number, shift = 0): LatentScaling {
  return { scale, shift, applied: true };
}

export const variants: Readonly<Record<VariantName, Variant>> = {
  taesd: f8(4, scaled(0.18215)), // Stable Diffusion 1.x and 2.x
  taesdxl: f8(4, scaled(0.13025)), // Stable Diffusion XL
  taesd3: f8(16, scaled(1.5305, 0.0609)), // Stable Diffusion 3
  taef1: f8(16, scaled(0.3611, 0.1159)), // FLUX.1
  taef2: f8(32, null, true), // FLUX.2
  taesana: { latentChannels: 32, downsample: 32, scaling: scaled(0.41407), encoder: f32Encoder(32) }, // DC-AE f32c32 of Sana
};

export type Half = "encoder" | "decoder";

export function halvesOf(variant: VariantName): readonly Half[] {
  return variants[variant].decoder ? ["encoder", "decoder"] : ["encoder"];
}
