/** The input of a page about one tokenizer: plain numbers, and images as data URIs. */

export interface BeforeAfter<T> {
  /** Of the quantizer alone. */
  readonly quantized: T;
  /** After the rectifier. */
  readonly rectified: T;
}

export interface GroupDetails {
  readonly codes: number;
  /** Fraction of its codes that were hit. */
  readonly usage: number;
  readonly perplexity: number;
}

export interface LatentDetails {
  readonly shape: { readonly channels: number; readonly height: number; readonly width: number };
  /** One per codebook. */
  readonly groups: readonly GroupDetails[];
  /** Hits of every code of a few groups, from the least to the most evenly used. */
  readonly histograms: readonly { readonly group: number; readonly counts: readonly number[] }[];
  /**
   * Share of every channel in the picture's error when each has an error of one standard deviation;
   * null when it was not measured.
   */
  readonly channelShares: readonly number[] | null;
  /** Mean squared error in the standardized space: [channels], and [height * width]. */
  readonly errorPerChannel: BeforeAfter<readonly number[]>;
  readonly errorPerPosition: BeforeAfter<readonly number[]>;
  /** The rate-distortion bound around the tokenizer's bits, by rising bits; empty when unknown. */
  readonly bound: readonly { readonly bits: number; readonly mse: number }[];
}

export interface LossCurves {
  readonly passes: readonly { readonly pass: number; readonly mse: number; readonly usage: number }[];
  readonly epochs: readonly {
    readonly epoch: number;
    readonly latentMse: { readonly train: BeforeAfter<number>; readonly val: BeforeAfter<number> };
    readonly usage: number;
  }[];
}

/** One image after each stage, as data URIs. */
export interface ReportImage {
  readonly name: string;
  /** dB */
  readonly psnr: number;
  /** Null where it is not measured. */
  readonly lpips: number | null;
  readonly original: string;
  readonly vae: string;
  readonly quantized: string;
  readonly rectified: string;
  /** Magnitude of rectified - original. */
  readonly error: string;
}

export interface ReportImages {
  /** Next to the median by LPIPS, or by PSNR where LPIPS is not measured. */
  readonly typical: readonly ReportImage[];
  /** By PSNR. */
  readonly worst: readonly ReportImage[];
  readonly best: readonly ReportImage[];
}

/** A row of the table, as text. */
export interface ScoreRow {
  readonly label: string;
  readonly value: string;
  /** Of the same ids with the VAE's own decoder; absent unless the tokenizer's decoder is adapted. */
  readonly oldDecoder?: string;
  /** Of the VAE alone. */
  readonly vae: string;
}

export interface EvaluationReport {
  readonly title: string;
  readonly summary?: readonly string[];
  readonly scores: readonly ScoreRow[];
  readonly notes?: readonly string[];
  readonly bitsPerImage: number;
  readonly latentMse: BeforeAfter<number>;
  readonly latent: LatentDetails;
  readonly loss?: LossCurves | null;
  /** Null: a page without images. */
  readonly images?: ReportImages | null;
  /** Shown folded. */
  readonly configs: readonly { readonly label: string; readonly value: unknown }[];
}
