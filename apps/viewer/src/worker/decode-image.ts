/**
 * An image file -> the pixels that the tokenizer sees. The browser decodes, without colour
 * management. Cropping and resizing are the command line's code, so the same PNG gives the same
 * pixels.
 */
import { RevqError } from "@revq/core";
import { centreCrop, type RgbImage } from "@revq/data/pixels";
import { canvasAddsNoise, decodedPixels } from "./canvas-noise.js";
import { straightPixels } from "./straight-pixels.js";

/** Above this many pixels an image is refused, as on the command line. */
const pixelLimit = 100_000_000;

/** Bytes. A larger file is refused before it is read. */
const fileLimit = 256 * 2 ** 20;

/** Pixels of the largest canvas that every browser fills; larger ones come back empty on iOS. */
const canvasLimit = 2 ** 24;

/**
 * `[size, size, 3]` uint8: upright, alpha over white, the short side resized to `size`, centre
 * crop. Throws `image-unreadable`.
 */
export async function decodeImage(image: Blob, name: string, size: number): Promise<Uint8Array> {
  if (image.size > fileLimit) {
    throw tooLarge(name, `its file has ${Math.round(image.size / 2 ** 20)} MB, the limit is ${fileLimit / 2 ** 20} MB`);
  }
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(image, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch (cause) {
    throw unreadable(name, "this browser cannot decode it", cause);
  }
  try {
    const { width, height } = bitmap;
    if (width * height > pixelLimit) {
      throw tooLarge(name, `it has ${width} x ${height} pixels, the limit is ${pixelLimit / 1e6} megapixels`);
    }
    return centreCrop(await rgbOf(bitmap, image), size);
  } finally {
    bitmap.close();
  }
}

async function rgbOf(bitmap: ImageBitmap, file: Blob): Promise<RgbImage> {
  const { width, height } = bitmap;
  const drawn = canvasAddsNoise() ? await decodedPixels(file, width, height) : drawnPixels(bitmap);
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

/** In strips that every canvas holds, `[height, width, 4]`. */
function drawnPixels(bitmap: ImageBitmap): Uint8ClampedArray {
  const { width, height } = bitmap;
  const rows = stripRows(width, height, canvasLimit);
  const context = new OffscreenCanvas(width, rows).getContext("2d", { willReadFrequently: true })!;
  const pixels = new Uint8ClampedArray(width * height * 4);
  for (let top = 0; top < height; top += rows) {
    const count = Math.min(rows, height - top);
    context.clearRect(0, 0, width, rows);
    context.drawImage(bitmap, 0, top, width, count, 0, 0, width, count);
    pixels.set(context.getImageData(0, 0, width, count).data, top * width * 4);
  }
  return pixels;
}

/** Rows of a strip of at most `limit` pixels; at least one. */
export function stripRows(width: number, height: number, limit: number): number {
  return Math.min(height, Math.max(1, Math.floor(limit / width)));
}

function isOpaque(rgba: Uint8ClampedArray | Uint8Array): boolean {
  for (let alpha = 3; alpha < rgba.length; alpha += 4) if (rgba[alpha] !== 255) return false;
  return true;
}

function tooLarge(name: string, reason: string): RevqError {
  return new RevqError("image-too-large", `The image ${name} is too large: ${reason}.`, {
    fix: "Make it smaller; the tokenizer sees a few hundred pixels of it.",
  });
}

function unreadable(name: string, reason: string, cause?: unknown): RevqError {
  return new RevqError("image-unreadable", `The image ${name} cannot be read: ${reason}.`, {
    fix: "Use a jpeg, png or webp image.",
    cause,
  });
}
