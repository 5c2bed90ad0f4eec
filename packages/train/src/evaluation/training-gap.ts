/** How much better a tokenizer does on its training data than on held-out data, and what that means. */
import type { TrainResult } from "../run/records.js";

/** A smaller excess of the held-out error is no gap. */
const smallGap = 0.1;
/**
 * With n samples per code, k-means on photographs' latents had a held-out error of about
 * 1 + 1.35 / sqrt(n) times the training error: 1.37 with 13 samples, 1.09 with 200 (docs/results.md).
 */
const overfitting = 1.35;
/** An excess of so many times the usual one is not overfitting of codebooks alone. */
const unusual = 3;

/**
 * One sentence or two.
 *
 * @example
 * const latentMse = { quantized: 0.19, rectified: 0.18 };
 * const latentMseTrain = { quantized: 0.14, rectified: 0.13 };
 * const text = gapText({ latentMse, latentMseTrain, samplesPerCode: 13 });
 * text.split(".", 2).join("."); // => "The held-out latent error is 1.36 times the training error"
 */
export function gapText({
  latentMse: { quantized: heldOut },
  latentMseTrain: { quantized: training },
  samplesPerCode,
}: Pick<TrainResult, "latentMse" | "latentMseTrain" | "samplesPerCode">): string {
  if (!(training > 0)) return "The training error is 0.";
  const ratio = heldOut / training;
  const measured = `The held-out latent error is ${ratio.toFixed(2)} times the training error.`;
  const excess = ratio - 1;
  if (excess < smallGap) return `${measured} New images are quantized as well as the training data.`;
  if (excess > (unusual * overfitting) / Math.sqrt(samplesPerCode)) {
    return `${measured} The held-out data differ from the training data: train on more kinds of images.`;
  }
  return `${measured} The codes fit the training data too closely: use more images or fewer codes.`;
}
