/** Tensors to pictures for the page, and their scores. */
import { unitRangeToBytes } from "@revq/data/pixels";
import { psnr, ssim, toUnitRange } from "@revq/metrics";
import type { Picture, Quality } from "../protocol/messages.js";

/** `[size, size, 3]` uint8 -> RGBA. */
export function pictureOf(rgb: Uint8Array, size: number): Picture {
  const pixels = new Uint8ClampedArray(size * size * 4);
  for (let from = 0, to = 0; from < rgb.length; to += 4) {
    pixels[to] = rgb[from++]!;
    pixels[to + 1] = rgb[from++]!;
    pixels[to + 2] = rgb[from++]!;
    pixels[to + 3] = 255;
  }
  return { size, pixels };
}

/** `[size, size, 3]` float32 in about [-1, 1], clamped. */
export function pictureOfFloats(values: Float32Array, size: number): Picture {
  return pictureOf(unitRangeToBytes(values), size);
}

/** As `revq eval` scores: both in [-1, 1], clamped, not rounded to 8 bits. SSIM needs 11 pixels; below it is NaN. */
export function qualityOf(original: Float32Array, values: Float32Array, size: number): Quality {
  const [a, b] = [toUnitRange(original), toUnitRange(values)];
  return { psnr: psnr(a, b), ssim: size < 11 ? Number.NaN : ssim(a, b, size, size) };
}
