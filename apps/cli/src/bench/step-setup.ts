/** The trainings that `revq bench step` measures: presets, on latents shaped like those of the paper's VAE, DC-AE f32c32, at 256 pixels. */
import type { LatentShape, PluginRegistry } from "@revq/core";
import { sampleImages } from "@revq/sample-images";
import { presetNames, resolveConfig, type ConfigLayer, type RunConfig } from "@revq/train/config";

export const latentShape: LatentShape = { channels: 32, height: 8, width: 8 };

/** The presets, and a run that takes the authors' code minutes on two cores. */
export const setupNames = [...presetNames, "small"] as const;
export type SetupName = (typeof setupNames)[number];

export interface StepSetup {
  readonly name: SetupName;
  readonly config: RunConfig;
  /** Images of the preset's run: ImageNet's training set in the paper (arXiv 2507.10547, section 4.1). */
  readonly images: number;
}

const imageNetImages = 1_281_167;

const small: ConfigLayer = {
  recipe: "paper",
  quantizer: { id: "multigroup", tokens: 256, codes: 512 },
  rectifier: { id: "efficientvit", channels: 64, layers: 2, headDim: 16 },
  train: { epochs: 20 },
};
const smallImages = 8000;

/** @param batch default: the preset's */
export function stepSetup(name: SetupName, batch: number | undefined, plugins: PluginRegistry): StepSetup {
  const values = name === "small" ? small : { preset: name };
  const flags: ConfigLayer = batch === undefined ? {} : { train: { batch } };
  const { config } = resolveConfig(
    [
      { name: "bench", values },
      { name: "flags", values: flags },
    ],
    plugins,
  );
  const images = name === "small" ? smallImages : name === "tiny" ? sampleImages.length : imageNetImages;
  return { name, config, images };
}
