/** The flags of the commands that take a run configuration: train, ablate, extract, config. */
import { Flags } from "@oclif/core";
import { decoderAdaptations, presetNames, recipeNames, selections } from "@revq/train/config";
import { imageFlags, repeated, whatImagesAre, whatLatentsAre } from "../images/image-flags.js";
import { networkFlags } from "../evaluation/metric-flags.js";
import { engineFlag } from "./engine-flag.js";

const model = { helpGroup: "MODEL" };
const data = { helpGroup: "DATA" };
const training = { helpGroup: "TRAINING" };

export const configFlags = {
  backbone: Flags.string({ description: "plugin id of the VAE (default sd-vae)", helpValue: "<id>", ...model }),
  transform: Flags.string({
    description: "plugin id of the transform of latents before quantizing (default: the quantizer decides)",
    helpValue: "<id>",
    ...model,
  }),
  quantizer: Flags.string({
    description: "plugin id of the quantizer (default multigroup)",
    helpValue: "<id>",
    ...model,
  }),
  rectifier: Flags.string({
    description: "plugin id of the rectifier (default efficientvit)",
    helpValue: "<id>",
    ...model,
  }),
  weights: Flags.string({
    description: "weights of the backbone: a file, a folder, a URL or hf:owner/name",
    helpValue: "<spec>",
    ...model,
  }),
  decoder: Flags.string({
    description: "plugin id of another VAE of the same latent space, which decodes (default: the backbone decodes)",
    helpValue: "<id>",
    ...model,
  }),
  "decoder-weights": Flags.string({
    description: "weights of that VAE: a file, a folder, a URL or hf:owner/name",
    helpValue: "<spec>",
    ...model,
  }),
  "embed-backbone": Flags.boolean({ description: "copy the backbone's weights into the tokenizer", ...model }),
  preset: Flags.string({ description: "settings of a known run", options: presetNames, ...model }),
  tokens: Flags.integer({ description: "tokens per image (T)", min: 1, ...model }),
  codes: Flags.integer({ description: "codes in the codebook of each group (K)", min: 1, ...model }),
  bits: Flags.integer({
    description: "budget in bits per image: chooses tokens and codes, and explains the choice",
    min: 1,
    ...model,
  }),
  data: Flags.string({
    description: `training images: ${whatImagesAre}; or a store of \`revq extract\`, or synthetic:dead-leaves; default: the bundled photo crops`,
    helpValue: "<dir>",
    ...repeated,
    ...data,
  }),
  val: Flags.string({
    description: "held-out images, like --data; default: a seeded 10 % of the training images",
    helpValue: "<dir>",
    ...repeated,
    ...data,
  }),
  ...imageFlags,
  latents: Flags.string({
    description: `train on latents instead of images: ${whatLatentsAre}`,
    helpValue: "<file>",
    exclusive: ["data", "val"],
    ...repeated,
    ...data,
  }),
  "val-latents": Flags.string({
    description: "held-out latents, like --latents",
    helpValue: "<file>",
    dependsOn: ["latents"],
    ...repeated,
    ...data,
  }),
  memory: Flags.string({
    description: "memory for the data, in addition to model and engine (default 2GiB)",
    helpValue: "<size>",
    ...data,
  }),
  "image-size": Flags.integer({
    description: "side of the square training images in pixels (default 256)",
    min: 1,
    ...data,
  }),
  augment: Flags.boolean({
    description: "train on a shifted copy of every latent map too (default: below 500 images)",
    allowNo: true,
    ...data,
  }),
  recipe: Flags.string({
    description: "kmeans: k-means codebooks, then the rectifier; paper: the authors' joint AdamW",
    options: recipeNames,
    ...training,
  }),
  epochs: Flags.integer({
    description:
      "epochs; in the recipe kmeans those of the rectifier on latents: 2 before picture steps, else 6 (`--set quantizer.iterations` sets the passes of k-means)",
    min: 1,
    ...training,
  }),
  batch: Flags.integer({ description: "images per training step", min: 1, ...training }),
  lr: Flags.string({
    description:
      "learning rate of AdamW: for the rectifier in the recipe kmeans, for the codebooks in the recipe paper",
    helpValue: "<x>",
    ...training,
  }),
  "picture-steps": Flags.string({
    description:
      "steps on decoded pictures, after the epochs, of the rectifier, and as many of it with the decoder; 0 for none (default auto: what fits into three times the time before, up to 6 minutes)",
    helpValue: "<n|auto>",
    ...training,
  }),
  "adapt-decoder": Flags.string({
    description:
      "fine-tune the VAE's decoder on the tokenizer's latents: all of it, its last stages, or low-rank changes (lora)",
    options: decoderAdaptations,
    ...training,
  }),
  select: Flags.string({
    description:
      "held-out score that decides what is kept: lpips, psnr or latent (default auto: lpips where it is measured, else psnr, without a decoder latent)",
    options: ["auto", ...selections],
    ...training,
  }),
  ...networkFlags({ helpGroup: "SCORES" }),
  "report-images": Flags.string({
    description: "number of typical, of worst and of best images on the page of the run, or none (default 4)",
    helpValue: "<n|none>",
    helpGroup: "SCORES",
  }),
  seed: Flags.integer({
    description: "the same seed, data and engine give the same tokenizer",
    min: 0,
    ...training,
  }),
  engine: engineFlag,
  config: Flags.string({
    description: "YAML or JSON file with keys that `revq config` prints, or a module that exports them",
    helpValue: "<file>",
  }),
  set: Flags.string({
    description: "set any key of the configuration: --set rectifier.channels=64",
    multiple: true,
    multipleNonGreedy: true,
    helpValue: "<a.b=c>",
  }),
  out: Flags.string({
    char: "o",
    description: "folder of the tokenizer (default: a new one under revq-runs/)",
    helpValue: "<dir>",
  }),
};
