/** Metrics in words: the rows of the table that commands and pages show. */
import { decimals, percent } from "@revq/report";
import type { ImageMetrics, TokenizerMetrics, TrainResult } from "../run/records.js";

export interface MetricRow {
  readonly label: string;
  readonly value: string;
  /** Of the VAE alone. */
  readonly vae: string;
  /** Of the same ids with the VAE's own decoder; absent unless the decoder is adapted. */
  readonly oldDecoder?: string;
}

const nothing = decimals(null, 0);

/**
 * One row per metric. A metric that lacks a file has a row that names the file. The training error is
 * known after a training run only.
 */
export function metricRows(
  metrics: Omit<TokenizerMetrics, "images"> & Partial<Pick<TrainResult, "latentMseTrain">>,
): MetricRow[] {
  const {
    latentMse,
    latentMseTrain: training,
    explainedVariance,
    rateDistortionBound: bound,
    prior,
    vae,
    oldDecoder,
  } = metrics;
  const old = (value: string): Pick<MetricRow, "oldDecoder"> => (oldDecoder ? { oldDecoder: value } : {});
  const quality = (label: string, key: keyof ImageMetrics, digits: number, always = false): MetricRow[] =>
    always || metrics[key] !== null
      ? [
          {
            label,
            value: decimals(metrics[key], digits),
            vae: decimals(vae?.[key], digits),
            ...old(decimals(oldDecoder?.[key], digits)),
          },
        ]
      : [];
  const plain = (label: string, value: string, vaeValue = nothing): MetricRow => ({
    label,
    value,
    vae: vaeValue,
    ...old(nothing),
  });
  return [
    plain("bits per image", metrics.bitsPerImage.toFixed(0)),
    plain("bits per image, entropy coded", metrics.measuredBitsPerImage.toFixed(0)),
    ...(prior
      ? [
          plain("bits per image, small prior", prior.bitsPerImage.toFixed(0)),
          plain("bits per token, small prior", prior.bitsPerToken.toFixed(2)),
        ]
      : []),
    plain("latent mse, quantized", latentMse.quantized.toFixed(4), "0"),
    plain("latent mse, rectified", latentMse.rectified.toFixed(4), "0"),
    ...(training
      ? [
          plain("latent mse on training data, quantized", training.quantized.toFixed(4), "0"),
          plain("latent mse on training data, rectified", training.rectified.toFixed(4), "0"),
        ]
      : []),
    ...(bound
      ? [
          plain(
            `rate-distortion bound${bound.method === "spectrum" ? " (of the spectrum)" : ""}`,
            bound.latentMse.toFixed(4),
          ),
        ]
      : []),
    plain("explained variance, quantized", percent(explainedVariance.quantized), percent(1)),
    plain("explained variance, rectified", percent(explainedVariance.rectified), percent(1)),
    ...quality("PSNR, dB", "psnr", 2, true),
    ...quality("SSIM", "ssim", 3, true),
    ...quality("MS-SSIM", "msSsim", 3),
    ...quality("LPIPS", "lpips", 4),
    ...(metrics.rfid === null && vae
      ? [plain("rFID", "needs FID's Inception weights", nothing)]
      : quality("rFID", "rfid", 2)),
    ...quality("SqueezeNet Fréchet (no rFID)", "squeezenetFrechet", 3),
    ...quality("Inception Score", "inceptionScore", 2),
    plain("codebook usage", percent(metrics.usage)),
    plain("codebook perplexity", metrics.perplexity.toFixed(1)),
    plain("entropy per token, bits", metrics.entropy.toFixed(2)),
    plain("samples per code", metrics.samplesPerCode.toFixed(1)),
  ];
}

/** What a reader must know to interpret the metrics. */
export function metricNotes(metrics: Omit<TokenizerMetrics, "images">, images: number): string[] {
  const { rateDistortionBound: bound, rfid, squeezenetFrechet } = metrics;
  const notes: string[] = [];
  if (bound?.method === "spectrum") {
    notes.push(
      "With too few latents to estimate the full covariance, the bound assumes that DCT frequencies are independent. A code that exploits their correlation could do better than the bound.",
    );
  }
  if (metrics.samplesPerCode < 30) {
    notes.push(
      `${metrics.samplesPerCode.toFixed(1)} samples per code are too few: they make usage, entropy and entropy-coded bits too small.`,
    );
  }
  if (metrics.prior?.fittedOn === "halves") {
    notes.push(
      `The small prior of one half of the images codes the other half: it knows ${metrics.prior.fittedImages} images. A training run fits it on the training ids.`,
    );
  }
  if (rfid !== null && images < 2048) notes.push(`An rFID of ${images} images is too high; papers use 50,000 images.`);
  if (metrics.inceptionScore !== null && images < 5000) {
    notes.push(
      `The Inception Score is the mean over ten splits; with ${images} images it is at most ${Math.floor(images / 10)}.`,
    );
  }
  if (rfid === null && metrics.vae) {
    notes.push("rFID needs FID's Inception weights (pt_inception-2015-12-05 of pytorch-fid).");
  }
  if (squeezenetFrechet !== null) {
    notes.push("The Fréchet distance on SqueezeNet's features is not comparable with the rFID of papers.");
  }
  return notes;
}
