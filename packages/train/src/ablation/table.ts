/** Finished trials as rows, for tables and CSV. */
import type { FinishedTrial } from "./trials.js";

/** `null` where a value does not exist. */
export interface TrialRow {
  readonly name: string;
  readonly backbone: string;
  readonly transform: string;
  readonly quantizer: string;
  readonly rectifier: string;
  readonly recipe: string;
  readonly tokens: number;
  readonly bitsPerImage: number;
  /** What an image's ids cost to model, under a small prior. */
  readonly priorBitsPerImage: number | null;
  readonly priorBitsPerToken: number | null;
  readonly samplesPerCode: number;
  /** On training latents; the others are of held-out ones. */
  readonly quantizedMseTrain: number;
  readonly quantizedMse: number;
  readonly rectifiedMse: number;
  readonly psnr: number | null;
  readonly psnrVae: number | null;
  readonly ssim: number | null;
  readonly ssimVae: number | null;
  readonly lpips: number | null;
  readonly lpipsVae: number | null;
  readonly rfid: number | null;
  /** The rate-distortion bound on the latent mse at these bits. */
  readonly boundMse: number | null;
  readonly usage: number;
  readonly perplexity: number;
  /** Of codebooks, rectifier and pictures; not of encoding, which trials share. */
  readonly seconds: number;
}

export function trialRow({ name, config, result }: FinishedTrial): TrialRow {
  const { latentMse, psnr, ssim, lpips, rfid, vae, seconds, rateDistortionBound } = result;
  return {
    name,
    backbone: config.data.latents === null ? config.backbone.id : "latents",
    transform: config.transform.id,
    quantizer: config.quantizer.id,
    rectifier: config.rectifier.id,
    recipe: config.recipe,
    tokens: result.tokens,
    bitsPerImage: result.bitsPerImage,
    priorBitsPerImage: result.prior?.bitsPerImage ?? null,
    priorBitsPerToken: result.prior?.bitsPerToken ?? null,
    samplesPerCode: result.samplesPerCode,
    quantizedMseTrain: result.latentMseTrain.quantized,
    quantizedMse: latentMse.quantized,
    rectifiedMse: latentMse.rectified,
    psnr,
    psnrVae: vae?.psnr ?? null,
    ssim,
    ssimVae: vae?.ssim ?? null,
    lpips,
    lpipsVae: vae?.lpips ?? null,
    rfid,
    boundMse: rateDistortionBound?.latentMse ?? null,
    usage: result.usage,
    perplexity: result.perplexity,
    seconds: seconds.fitCodebooks + seconds.trainRectifier + seconds.trainPictures,
  };
}

/** RFC 4180, with a header. */
export function trialsCsv(rows: readonly TrialRow[]): string {
  const header: (keyof TrialRow)[] = [
    "name",
    "backbone",
    "transform",
    "quantizer",
    "rectifier",
    "recipe",
    "tokens",
    "bitsPerImage",
    "priorBitsPerImage",
    "priorBitsPerToken",
    "samplesPerCode",
    "quantizedMseTrain",
    "quantizedMse",
    "rectifiedMse",
    "psnr",
    "psnrVae",
    "ssim",
    "ssimVae",
    "lpips",
    "lpipsVae",
    "rfid",
    "boundMse",
    "usage",
    "perplexity",
    "seconds",
  ];
  const field = (value: string | number | null): string => {
    const text = value === null ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [header.join(","), ...rows.map((row) => header.map((key) => field(row[key])).join(","))].join("\r\n") + "\r\n";
}
