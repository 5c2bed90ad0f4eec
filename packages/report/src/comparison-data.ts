/** The input of a page about many tokenizers: plain numbers, and images as data URIs. */

export interface ComparedTrial {
  /** Unique. */
  readonly name: string;
  /**
   * Trials of one series are joined by a line, in the order of their bits. For example "multigroup
   * + efficientvit".
   */
  readonly series: string;
  /** Nominal bits an image. */
  readonly bits: number;
  /** Entropy-coded bits an image. */
  readonly measuredBits?: number | null;
  /** What the ids of an image cost under a small prior. */
  readonly priorBits?: number | null;
  readonly priorBitsPerToken?: number | null;
  /** Per element of the standardized latents. */
  readonly latentMse: { readonly quantized: number; readonly rectified: number };
  /** The rate-distortion bound on the latent mse at these bits. */
  readonly bound?: number | null;
  /** dB. */
  readonly psnr?: number | null;
  readonly ssim?: number | null;
  readonly lpips?: number | null;
  readonly rfid?: number | null;
  /** Fraction of codes in use. */
  readonly usage?: number | null;
  readonly perplexity?: number | null;
  /** Of training. */
  readonly seconds?: number | null;
  /** The VAE alone, without quantization. */
  readonly vae?: {
    readonly psnr?: number | null;
    readonly ssim?: number | null;
    readonly lpips?: number | null;
  } | null;
  /** The same held-out crops of every trial, in a row: data URIs. */
  readonly crops?: TrialCrops;
  /** Shown folded: anything that is JSON, or text. */
  readonly config?: unknown;
}

export interface TrialCrops {
  readonly original: string;
  /** Of the VAE alone. */
  readonly vae: string;
  readonly rectified: string;
}

/** Which trials are marked. */
export interface ComparedRanking {
  readonly quality: "lpips" | "psnr" | "rectifiedMse";
  /** What the quality is compared with. */
  readonly cost: "bitsPerImage" | "seconds";
  readonly best: string;
  /** The Pareto front, by rising cost. */
  readonly front: readonly string[];
}

export interface Comparison {
  readonly title: string;
  /** Lines below the title: data, backbone, machine. */
  readonly summary?: readonly string[];
  /** What a reader must know to compare the trials. */
  readonly warning?: string;
  readonly ranking?: ComparedRanking;
  readonly trials: readonly ComparedTrial[];
  /** Trials that did not finish. */
  readonly failed?: readonly { readonly name: string; readonly error: string; readonly config?: unknown }[];
  /** Lower bounds on the latent mse, one per backbone. */
  readonly bounds?: readonly RateDistortionBound[];
  /** The settings of all trials, shown folded. */
  readonly config?: unknown;
}

export interface RateDistortionBound {
  readonly label: string;
  /** By rising bits; mse per element of the standardized latents. */
  readonly points: readonly { readonly bits: number; readonly mse: number }[];
}
