/**
 * Named settings. The paper's three are its Table of tokenizers (arXiv 2507.10547); they imply
 * recipe `paper`. The other two imply recipe `kmeans`.
 */
import type { ConfigLayer } from "./layer.js";

export const presetNames = ["512T", "256T-B", "256T-L", "ar", "tiny"] as const;
export type PresetName = (typeof presetNames)[number];

interface PaperPreset {
  tokens: number;
  codes: number;
  channels: number;
  layers: number;
  batch: number;
}

function paperPreset({ tokens, codes, channels, layers, batch }: PaperPreset): ConfigLayer {
  return {
    recipe: "paper",
    quantizer: { id: "multigroup", tokens, codes },
    rectifier: { id: "efficientvit", channels, layers, headDim: 32 },
    train: { batch },
  };
}

export const presets: Record<PresetName, ConfigLayer> = {
  "512T": paperPreset({ tokens: 512, codes: 16384, channels: 512, layers: 3, batch: 256 }),
  "256T-B": paperPreset({ tokens: 256, codes: 65536, channels: 1024, layers: 4, batch: 256 }),
  "256T-L": paperPreset({ tokens: 256, codes: 262144, channels: 512, layers: 4, batch: 128 }),
  // For autoregressive models: one token for all channels of a patch, in raster order, one codebook.
  // Such tokens can weigh channels as the decoder does: 1.3 dB (docs/method.md).
  ar: {
    recipe: "kmeans",
    transform: { id: "none", metric: "decoder" },
    quantizer: { id: "vq", split: "patch" },
  },
  tiny: {
    recipe: "kmeans",
    rectifier: { id: "efficientvit", channels: 32, layers: 1, headDim: 16 },
    train: { epochs: 3, pictureSteps: 0 },
  },
};
