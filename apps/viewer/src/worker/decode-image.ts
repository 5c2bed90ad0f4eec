/**
 * An image file -> the pixels that the tokenizer sees. The browser decodes, without colour
 * management. Cropping and resizing are the command line's code, so the same PNG gives the same
 * pixels.
 */
import { RevqError } from "@revq/core";
import { centreCrop, type RgbImage } from "@revq/data/pixels";
import { straightPixels } from "./straight-pixels.js";

/** Above this many pixels an image is refused, as on the command line. */
const pixelLimit = 100_000_000;

/**
 * `[size, size, 3]` uint8: upright, alpha over white, the short side resized to `size`, centre
 * crop. Throws `image-unreadable`.
 */
export async function decodeImage(image: Blob, name: string, size: number): Promise<Uint8Array> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(image, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch (cause) {
    throw unreadable(name, "this browser cannot decode it", cause);
  }
  try {
    const { width, height } = bitmap;
    if (width * height > pixelLimit) {
      throw unreadable(name, `${width} x ${height} pixels are more than the limit of ${pixelLimit / 1e6} megapixels`);
    }
    return centreCrop(rgbOf(bitmap), size);
  } finally {
    bitmap.close();
  }
}

function rgbOf(bitmap: ImageBitmap): RgbImage {
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  const drawn = context.getImageData(0, 0, width, height).data;
  const rgba = isOpaque(drawn) ? drawn : (straightPixels(bitmap) ?? drawn);
  const data = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4) {
    // Over white, rounded down, as libvips does.
    const alpha = rgba[from + 3]!;
    const white = 255 * (255 - alpha);
    for (let channel = 0; channel < 3; channel++)
      data[to++] = Math.floor((rgba[from + channel]! * alpha + white) / 255);
  }
  return { width, height, data };
}

function isOpaque(rgba: Uint8ClampedArray): boolean {
  for (let alpha = 3; alpha < rgba.length; alpha += 4) if (rgba[alpha] !== 255) return false;
  return true;
}

function unreadable(name: string, reason: string, cause?: unknown): RevqError {
  return new RevqError("image-unreadable", `The image ${name} cannot be read: ${reason}.`, {
    fix: "Use a jpeg, png or webp image.",
    cause,
  });
}
