/**
 * All settings of a training run, with their defaults. They are parsed once, at the edge; an
 * unknown key is an error. The descriptions are the comments of an annotated configuration.
 */
import { metricIds } from "@revq/core";
import { lpipsNetworks } from "@revq/metrics/lpips-networks";

import { z } from "zod";
import type { ConfigLayer } from "./layer.js";
import { decoderAdaptations } from "../decoder/adaptations.js";
import { selections } from "../pictures/select.js";
import { presetNames } from "./presets.js";
import { recipeNames } from "./recipes.js";

/** A page embeds its images. */
export const maxReportImages = 64;

const count = z.int().min(1);
const weight = z.number().min(0);
/** One or several. */
const sources = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).nullable();

/** The plugin's own options stand beside `id`; the plugin checks them. */
const plugin = (what: string) => z.looseObject({ id: z.string().min(1).describe(`Which ${what}.`) });

export const runConfigSchema = z.strictObject({
  preset: z
    .enum(presetNames)
    .nullable()
    .describe(
      "A named set of settings: 512T, 256T-B, 256T-L (the paper's), ar (ids for autoregressive models) or tiny.",
    ),
  recipe: z
    .enum(recipeNames)
    .describe("kmeans: first the codebooks by k-means, then the rectifier. paper: the authors' joint AdamW."),
  seed: z.int().min(0).max(0xffffffff).describe("Same seed, data and engine: same tokenizer."),
  engine: z.string().describe("auto, or one of webgpu, onnx, node-gpu, node, wasm, cpu."),
  out: z.string().nullable().describe("The tokenizer's folder; null: a new one under revq-runs/."),
  plugins: z.array(z.string()).describe("Packages or paths with more plugins."),
  bits: z.number().positive().nullable().describe("Budget in bits per image; chooses tokens and codes."),
  data: z.strictObject({
    train: sources.describe(
      "Images, one source or a list: folders, files, .tar, .parquet, patterns, URLs, hf:datasets/owner/name; or a latent store. null: the embedded sample images.",
    ),
    val: sources.describe("Held-out images, like train; null: a seeded part of the training images."),
    validationFraction: z.number().gt(0).lt(1).describe("The fraction that is held out when there is no val."),
    imageSize: count.describe("Images are resized and centre-cropped to this many pixels."),
    limit: count.nullable().describe("Use only the first N training images, by name."),
    skipBroken: z.boolean().describe("Skip and count archives that are broken or missing; else they are an error."),
    pixelLimit: z.number().positive().describe("Images of more megapixels are skipped."),
    memory: z
      .string()
      .regex(/^\d+(\.\d+)? ?([KMGT]i?B)$/i, 'a size such as "4GiB"')
      .describe("Memory for the data, besides model and engine. The rest is read when it is needed."),
    latents: sources.describe(
      "Latents instead of images: .npy, .safetensors or torch .pt files of [n,c,h,w], stores, or a list of them.",
    ),
    store: z
      .string()
      .nullable()
      .describe(
        "Folder of the encoded images. Runs on the same images and backbone can share it. null: the run's own.",
      ),
    valLatents: sources.describe("Held-out latents; null: a seeded part of the latents."),
    augment: z
      .union([z.literal("auto"), z.boolean()])
      .describe(
        "Train codebooks and rectifier on a shifted copy of every latent map too. auto: below 500 latents, in recipe kmeans.",
      ),
  }),
  backbone: plugin("VAE").extend({
    weights: z.string().nullable().describe("File or folder of its weights."),
    embed: z.boolean().describe("Copy the backbone's weights into the tokenizer."),
    decoder: z
      .looseObject({
        id: z.string().min(1).nullable().describe("Another VAE of the same latent space, which decodes; null: none."),
        weights: z.string().nullable().describe("File or folder of its weights."),
      })
      .describe("The VAE that makes the images."),
  }),
  transform: plugin("transform; auto: the best on held-out data").extend({
    metric: z
      .enum(["auto", ...metricIds])
      .describe(
        "What squared error means: error of the picture (decoder), of standardized or of centred latents. auto: decoder where the VAE decodes and the transform decorrelates, else standardized.",
      ),
  }),
  quantizer: plugin("quantizer"),
  rectifier: plugin("rectifier"),
  score: z.strictObject({
    lpips: z
      .string()
      .nullable()
      .describe("Folder with torchvision's classifier and the heads of LPIPS v0.1; null: no LPIPS."),
    lpipsNet: z.enum(lpipsNetworks).describe("The classifier whose features LPIPS compares."),
    inception: z
      .string()
      .nullable()
      .describe("pytorch-fid's weights, for rFID and the Inception Score; null: neither."),
    reportImages: z
      .int()
      .min(0)
      .max(maxReportImages)
      .describe("How many held-out images of each kind the run's page shows: typical, worst, best."),
  }),
  train: z.strictObject({
    epochs: z
      .union([z.literal("auto"), count])
      .describe(
        "Passes over the latents: of the rectifier in recipe kmeans, of both in recipe paper. auto, in recipe kmeans: 2 where picture steps follow, else 6.",
      ),
    batch: count.describe("Images per step; the last partial batch of an epoch is dropped unless it is the only one."),
    learningRate: z
      .number()
      .positive()
      .describe("AdamW's rate: of the codebooks in recipe paper, of the rectifier in recipe kmeans."),
    rectifierRate: z.number().positive().describe("The rectifier's rate as a multiple of learningRate."),
    weightDecay: z.number().min(0).describe("AdamW's decay of the rectifier; codebooks have none."),
    finalRate: z.number().gt(0).max(1).describe("The rate at the end as a fraction of the first."),
    clipNorm: z.number().positive().describe("Largest gradient norm, of codebooks and rectifier each."),
    jointLoss: z.boolean().describe("Recipe paper: let the rectifier's loss move the codebooks too."),
    select: z
      .enum(["auto", ...selections])
      .describe(
        "Which held-out score decides what is kept: lpips, psnr or latent. auto: lpips where it is measured, else psnr, without a decoder latent. Transform and groups are chosen by psnr where picture steps follow.",
      ),
    pictureSteps: z
      .union([z.literal("auto"), z.int().min(0)])
      .describe(
        "Steps of the rectifier on pictures, after the epochs. auto: none where the decoder is adapted, else as many as fit into the time of the stage; 0: none.",
      ),
    decoderSteps: z
      .union([z.literal("auto"), z.int().min(0)])
      .describe(
        "Steps of decoder and rectifier together, where the decoder is adapted. auto: as many as pictureSteps; if that is auto too, as many as fit.",
      ),
    adaptDecoder: z
      .enum(decoderAdaptations)
      .describe(
        "Fine-tune the decoder with the rectifier after the picture steps: none, last, all or lora. auto: all of a decoder below 25 MB, else none.",
      ),
    picture: z.strictObject({
      crop: count.describe("Side of the crops of a picture step, in latent positions; smaller maps are taken whole."),
      batch: count.describe("Crops of a picture step, each of another image."),
      learningRate: z.number().positive().describe("AdamW's rate of the rectifier in picture steps."),
      decoderRate: z.number().positive().describe("AdamW's rate of the decoder."),
      decoderRank: count.describe("Rank of the changes that adaptDecoder lora learns."),
      discriminator: weight.describe(
        "While the decoder is adapted: weight of a discriminator that tells its pictures from photographs, beside the other losses; 0: none.",
      ),
      measureImages: count.describe("How many held-out pictures are scored to select what is kept."),
      weights: z.strictObject({
        latent: weight.describe("Weight of the error in the metric."),
        lpips: weight.describe("Weight of LPIPS."),
        features: weight.describe("Weight of the error of the decoder's features, each divided by its variance."),
        pixels: weight.describe("Weight of the squared error of pixels in [0, 1]."),
      }),
    }),
    measureSamples: count.describe("How many training latents are measured at the end of an epoch."),
    encodeBatch: count.describe("Images per call of the backbone."),
    checkpointSteps: count.describe("Steps between checkpoints; the end of an epoch and Ctrl-C make one too."),
    keepCheckpoints: count.describe("How many checkpoints are kept."),
  }),
});

export type RunConfig = z.output<typeof runConfigSchema>;

export const baseDefaults = {
  preset: null,
  recipe: "kmeans",
  seed: 0,
  engine: "auto",
  out: null,
  plugins: [],
  bits: null,
  data: {
    train: null,
    val: null,
    validationFraction: 0.1,
    imageSize: 256,
    limit: null,
    skipBroken: false,
    pixelLimit: 100,
    memory: "2GiB",
    latents: null,
    store: null,
    valLatents: null,
    augment: "auto",
  },
  backbone: { id: "sd-vae", weights: null, embed: false, decoder: { id: null, weights: null } },
  transform: { id: "none", metric: "auto" },
  quantizer: { id: "multigroup" },
  rectifier: { id: "efficientvit" },
  score: { lpips: null, lpipsNet: "squeeze", inception: null, reportImages: 4 },
  train: {
    weightDecay: 1e-4,
    finalRate: 0.05,
    clipNorm: 1,
    jointLoss: false,
    select: "auto",
    pictureSteps: "auto",
    decoderSteps: "auto",
    adaptDecoder: "auto",
    picture: {
      crop: 32,
      batch: 1,
      learningRate: 5e-4,
      decoderRate: 1e-3,
      decoderRank: 8,
      discriminator: 0,
      measureImages: 16,
      weights: { latent: 1, lpips: 1, features: 1, pixels: 10 },
    },
    measureSamples: 512,
    encodeBatch: 8,
    checkpointSteps: 200,
    keepCheckpoints: 2,
  },
} as const satisfies ConfigLayer;

/** "4GiB", "500MB" -> bytes. */
export function bytesOfSize(size: string): number {
  const [, number, unit] = /^([\d.]+) ?([KMGT])/i.exec(size)!;
  return Number(number) * (/ib$/i.test(size) ? 1024 : 1000) ** ("KMGT".indexOf(unit!.toUpperCase()) + 1);
}
