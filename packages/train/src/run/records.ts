/**
 * The records of a run, while it goes and at its end. The same records go to metrics.jsonl, JSON
 * results and tables.
 */
import type { ImageCounts } from "../inputs/image-counts.js";
import type { SelectionScores } from "../pictures/select.js";
import type { ChoiceRecord } from "../plan/choice.js";

/**
 * Mean squared error per element in the standardized latent space, before and after the rectifier.
 */
export interface LatentError {
  readonly quantized: number;
  readonly rectified: number;
}

/** One pass of codebook fitting over the training latents. */
export interface PassRecord {
  readonly pass: number;
  readonly mse: number;
  readonly usage: number;
}

/**
 * Measured at the end of an epoch; epochs count from 1. `train` is measured on a fixed sample of
 * the training latents.
 */
export interface EpochRecord {
  readonly epoch: number;
  readonly latentMse: { readonly train: LatentError; readonly val: LatentError };
  /** Fraction of all codes that the epoch's training latents hit. */
  readonly usage: number;
}

/** A phase of picture steps: the rectifier alone, or the decoder with it. */
export type PhaseName = "pictures" | "decoder";

/**
 * What a model was trained on: nothing (`identity`: codebooks alone), latents, pictures, or pictures
 * with the decoder.
 */
export type PictureModelName = "identity" | "latents" | PhaseName;

/** A model scored on held-out pictures, before any picture step and during them. */
export interface PictureRecord {
  readonly model: PictureModelName;
  /** Picture steps so far. */
  readonly pictureStep: number;
  readonly scores: SelectionScores;
}

/** The picture stage of a run. */
export interface PictureStageRecord {
  readonly kept: PictureModelName;
  /** Steps of each phase. */
  readonly steps: Readonly<Partial<Record<PhaseName, number>>>;
  readonly scores: readonly PictureRecord[];
}

/** Null: not measured, or not defined for so few or so small images. */
export interface ImageMetrics {
  /** dB over RGB in [0, 1], mean over images. */
  readonly psnr: number;
  /** 11x11 Gaussian of sigma 1.5, mean over images and RGB channels; images of 11 pixels and more. */
  readonly ssim: number | null;
  /** Five scales, mean over images and RGB channels; images of 176 pixels and more. */
  readonly msSsim: number | null;
  /** Mean over images, version 0.1; needs weights. Lower is better. */
  readonly lpips: number | null;
  /**
   * Fréchet distance to the originals on FID-Inception's features; needs its weights. Lower is
   * better.
   */
  readonly rfid: number | null;
  /**
   * Mean over ten splits of the images, as in papers; needs FID-Inception's weights. Few images
   * score low.
   */
  readonly inceptionScore: number | null;
  /**
   * Fréchet distance on SqueezeNet's features; comes with LPIPS-squeeze, for more than 512 images.
   * Not comparable with an rFID.
   */
  readonly squeezenetFrechet: number | null;
}

/**
 * The lowest latent mse that any code of that many bits can reach on Gaussian latents of the same
 * covariance.
 */
export interface LatentBound {
  readonly latentMse: number;
  /**
   * `covariance`: from the covariance of all elements. `spectrum`: from that of the channels at
   * each frequency, where there are too few latents for the full covariance. It assumes that
   * frequencies are independent; a code that exploits their correlation could do better.
   */
  readonly method: "covariance" | "spectrum";
}

/**
 * The code length of ids under a small autoregressive prior (`TokenPrior` of `@revq/metrics`), beside
 * the nominal bits and the entropy: what a generator has to learn.
 */
export interface PriorCost {
  readonly bitsPerToken: number;
  readonly bitsPerImage: number;
  /**
   * `training`: the prior was fitted on training ids. `halves`: on one half of the measured images for
   * the other half.
   */
  readonly fittedOn: "training" | "halves";
  /** Images that the prior was fitted on. */
  readonly fittedImages: number;
}

/** The metrics of a tokenizer. Image fields are null where there are no images or no decoder. */
export interface TokenizerMetrics extends Nullable<ImageMetrics> {
  readonly images: number;
  readonly bitsPerImage: number;
  /**
   * Sum of the tokens' entropies: the cost with an ideal entropy coder. Few images make it too
   * small.
   */
  readonly measuredBitsPerImage: number;
  /** What the ids cost to model. Null for a single image. */
  readonly prior: PriorCost | null;
  readonly latentMse: LatentError;
  /** 1 - latent mse / variance of the standardized latents; null where they do not vary, as of one image. */
  readonly explainedVariance: Nullable<LatentError>;
  /** At `bitsPerImage`; null for fewer than two images. */
  readonly rateDistortionBound: LatentBound | null;
  /**
   * Share of every channel in the picture's error when each has an error of one standard deviation;
   * the sum is 1. Null unless the metric is the decoder's.
   */
  readonly channelShares: readonly number[] | null;
  /** The VAE alone, without quantization: the best that a tokenizer on it can reach. */
  readonly vae: ImageMetrics | null;
  /** The same ids with the backbone's own decoder; null unless the tokenizer's decoder is adapted. */
  readonly oldDecoder: ImageMetrics | null;
  readonly usage: number;
  readonly perplexity: number;
  /** Mean over the tokens, in bits. */
  readonly entropy: number;
  /** Measured tokens divided by the number of codes. */
  readonly samplesPerCode: number;
}

type Nullable<T> = { readonly [K in keyof T]: T[K] | null };

/**
 * The fields of `TokenizerMetrics` are on held-out data; usage, perplexity, entropy, measured bits
 * and samples per code are over the training latents. Images are counted with the held-out ones.
 */
export interface TrainResult extends Omit<TokenizerMetrics, "images">, ImageCounts {
  /** Absolute path of the tokenizer's folder. */
  readonly tokenizer: string;
  /** The data in words, with their number: "800 images of photos/train". */
  readonly trainedOn: string;
  readonly heldOut: string;
  /** `[c, h, w]` */
  readonly latentShape: readonly [number, number, number];
  /** Like `latentMse`, on a fixed sample of the training latents. */
  readonly latentMseTrain: LatentError;
  readonly tokens: number;
  /** Codebook size of each group; one number when all groups have the same. */
  readonly codes: number | readonly number[];
  readonly samplesPerCode: number;
  readonly engine: string;
  /** How transform, split and groups were chosen; null where the settings left nothing open. */
  readonly choice: ChoiceRecord | null;
  readonly seconds: {
    readonly extract: number;
    readonly fitCodebooks: number;
    readonly trainRectifier: number;
    readonly trainPictures: number;
  };
  /** Null where no picture was decoded while training. */
  readonly pictures: PictureStageRecord | null;
  readonly epochs: readonly EpochRecord[];
}

/** Codebook sizes for JSON: one number when all groups have the same. */
export function codebookSizesForJson(sizes: readonly number[]): number | number[] {
  return sizes.every((size) => size === sizes[0]) ? sizes[0]! : [...sizes];
}
