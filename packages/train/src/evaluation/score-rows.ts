/** Scores in words: the rows of the table that commands print and pages show. */
import type { Evaluation, ImageQuality } from "../records.js";

export interface ScoreRow {
  readonly label: string;
  readonly value: string;
  /** Of the same VAE without quantization. */
  readonly floor: string;
}

const nothing = "–";

function decimals(value: number | null | undefined, digits: number): string {
  return value === null || value === undefined ? nothing : value.toFixed(digits);
}

const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;

/** What was measured; what was not for want of a file says so. */
export function scoreRows(scored: Omit<Evaluation, "images">): ScoreRow[] {
  const { latentMse, explainedVariance, rateDistortionBound: bound, floor } = scored;
  const quality = (label: string, key: keyof ImageQuality, digits: number, always = false): ScoreRow[] =>
    always || scored[key] !== null
      ? [{ label, value: decimals(scored[key], digits), floor: decimals(floor?.[key], digits) }]
      : [];
  const plain = (label: string, value: string, floorValue = nothing): ScoreRow => ({ label, value, floor: floorValue });
  return [
    plain("bits per image", scored.bitsPerImage.toFixed(0)),
    plain("bits per image, entropy coded", scored.measuredBitsPerImage.toFixed(0)),
    plain("latent mse, quantized", latentMse.quantized.toFixed(4), "0"),
    plain("latent mse, rectified", latentMse.rectified.toFixed(4), "0"),
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
    ...(scored.rfid === null && floor
      ? [plain("rFID", "needs --inception FILE", nothing)]
      : quality("rFID", "rfid", 2)),
    ...quality("SqueezeNet Fréchet (no rFID)", "squeezenetFrechet", 3),
    ...quality("Inception Score", "inceptionScore", 2),
    plain("codebook usage", percent(scored.usage)),
    plain("codebook perplexity", scored.perplexity.toFixed(1)),
    plain("entropy per token, bits", scored.entropy.toFixed(2)),
    plain("samples per code", scored.samplesPerCode.toFixed(1)),
  ];
}

/** What a reader has to know to read the numbers right. */
export function scoreNotes(scored: Omit<Evaluation, "images">, images: number): string[] {
  const { rateDistortionBound: bound, rfid } = scored;
  const notes: string[] = [];
  if (bound?.method === "spectrum") {
    notes.push(
      "The bound takes the DCT's frequencies as independent, for want of latents to know the whole covariance from: a code that uses what frequencies tell about each other could come below it.",
    );
  }
  if (scored.samplesPerCode < 30) {
    notes.push(
      `${scored.samplesPerCode.toFixed(1)} samples per code are few: usage, entropy and entropy-coded bits come out too small.`,
    );
  }
  if (rfid !== null && images < 2048) notes.push(`An rFID of ${images} images is too high; papers take 50,000.`);
  if (scored.inceptionScore !== null && images < 5000) {
    notes.push(
      `The Inception Score is the mean over ten parts; of ${images} images it is ${Math.floor(images / 10)} at most.`,
    );
  }
  if (rfid === null && scored.floor) {
    notes.push(
      "rFID needs FID's Inception weights (pt_inception-2015-12-05, as pytorch-fid has them): --inception FILE. The Fréchet distance on SqueezeNet's features, where it stands, is no substitute to compare with papers.",
    );
  }
  return notes;
}
