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

export interface ImageQuality {
  /** dB over RGB in [0, 1], mean over images. */
  readonly psnr: number;
  /** 11x11 Gaussian of sigma 1.5, mean over images and RGB channels. */
  readonly ssim: number;
}

/** What scoring a tokenizer gives. Image fields are null where there are no images or no decoder. */
export interface Evaluation {
  readonly images: number;
  readonly bitsPerImage: number;
  readonly latentMse: LatentError;
  readonly psnr: number | null;
  readonly ssim: number | null;
  /** The same VAE without quantization: the best that codes can reach. */
  readonly floor: ImageQuality | null;
  readonly usage: number;
  readonly perplexity: number;
}

/** The fields of `Evaluation` are on held-out data, except usage and perplexity: those are over the training latents. */
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
