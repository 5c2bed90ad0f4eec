/** Pixels as images for the page, and their scores. */
import { unitRangeToBytes } from "@revq/data/pixels";
import { psnr, ssim, ssimMinSide, toUnitRange } from "@revq/metrics";
import type { DecodedImage } from "@revq/tokenizer";
import type { ImageMetrics } from "../protocol/messages.js";

/** `[size, size, 3]` uint8 -> RGBA. */
export function fromBytes(rgb: Uint8Array, size: number): DecodedImage {
  const data = new Uint8ClampedArray(size * size * 4);
  for (let from = 0, to = 0; from < rgb.length; to += 4) {
    data[to] = rgb[from++]!;
    data[to + 1] = rgb[from++]!;
    data[to + 2] = rgb[from++]!;
    data[to + 3] = 255;
  }
  return { width: size, height: size, data };
}

/** `[size, size, 3]` float32 in about [-1, 1], clamped. */
export function fromFloats(values: Float32Array, size: number): DecodedImage {
  return fromBytes(unitRangeToBytes(values), size);
}

/**
 * The scores of `revq eval`: both images in [-1, 1], clamped, not rounded to 8 bits. SSIM needs 11
 * pixels; below it is NaN.
 */
export function metricsOf(original: Float32Array, values: Float32Array, size: number): ImageMetrics {
  const [a, b] = [toUnitRange(original), toUnitRange(values)];
  return { psnr: psnr(a, b), ssim: size < ssimMinSide ? Number.NaN : ssim(a, b, size, size) };
}
