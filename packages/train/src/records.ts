/** What a run says about itself while it goes and when it ends. The same records go to metrics.jsonl, `--json` and the table. */

/** Mean squared error per element in the standardized latent space, before and after the rectifier. */
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

/** Measured at the end of an epoch; epochs count from 1. `train` is measured on a fixed sample of the training latents. */
export interface EpochRecord {
  readonly epoch: number;
  readonly latentMse: { readonly train: LatentError; readonly val: LatentError };
  /** Fraction of all codes that the epoch's training latents hit. */
  readonly usage: number;
}

/** Null: not measured, or not defined for so few or so small images. */
export interface ImageQuality {
  /** dB over RGB in [0, 1], mean over images. */
  readonly psnr: number;
  /** 11x11 Gaussian of sigma 1.5, mean over images and RGB channels. */
  readonly ssim: number;
  /** Five scales, mean over images and RGB channels; images of 176 pixels and more. */
  readonly msSsim: number | null;
  /** Mean over images, version 0.1; needs weights. Lower is better. */
  readonly lpips: number | null;
  /** Fréchet distance to the originals on FID-Inception's features; needs its weights. Lower is better. */
  readonly rfid: number | null;
  /** Mean over ten parts of the images, as papers have it; needs FID-Inception's weights. Few images score low. */
  readonly inceptionScore: number | null;
  /** The Fréchet distance on SqueezeNet's features instead: comparable with itself alone, never with an rFID. Comes with LPIPS-squeeze. */
  readonly squeezenetFrechet: number | null;
}

/** The least latent mse that a code of so many bits can have on Gaussian latents of the same covariance. */
export interface LatentBound {
  readonly latentMse: number;
  /**
   * `covariance`: of all dimensions. `spectrum`: of the channels at each frequency, where there are too few latents for the whole; what
   * frequencies tell about each other is left out, so that a very good code could come below it.
   */
  readonly method: "covariance" | "spectrum";
}

/** What scoring a tokenizer gives. Image fields are null where there are no images or no decoder. */
export interface Evaluation extends Nullable<ImageQuality> {
  readonly images: number;
  readonly bitsPerImage: number;
  /** Sum of the tokens' entropies: what an ideal entropy coder would spend. Few images make it too small. */
  readonly measuredBitsPerImage: number;
  readonly latentMse: LatentError;
  /** 1 - latent mse / variance of the standardized latents. */
  readonly explainedVariance: LatentError;
  /** At `bitsPerImage`; null for fewer than two images. */
  readonly rateDistortionBound: LatentBound | null;
  /** The same VAE without quantization: the best that codes can reach. */
  readonly floor: ImageQuality | null;
  readonly usage: number;
  readonly perplexity: number;
  /** Mean over the tokens, in bits. */
  readonly entropy: number;
  /** Tokens that were scored for each code there is. */
  readonly samplesPerCode: number;
}

type Nullable<T> = { readonly [K in keyof T]: T[K] | null };

/** The fields of `Evaluation` are on held-out data; usage, perplexity, entropy, measured bits and samples per code are over the training latents. */
export interface TrainResult extends Omit<Evaluation, "images"> {
  /** Absolute path of the tokenizer's folder. */
  readonly tokenizer: string;
  /** `[c, h, w]` */
  readonly latentShape: readonly [number, number, number];
  readonly tokens: number;
  /** Codes of each group; one number when all have the same. */
  readonly codes: number | readonly number[];
  readonly samplesPerCode: number;
  readonly engine: string;
  readonly seconds: { readonly extract: number; readonly fitCodebooks: number; readonly trainRectifier: number };
  readonly epochs: readonly EpochRecord[];
}

/** "codes" as JSON wants it: one number when all groups agree. */
export function codesForJson(codes: readonly number[]): number | number[] {
  return codes.every((count) => count === codes[0]) ? codes[0]! : [...codes];
}
