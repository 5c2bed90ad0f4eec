/**
 * An image file to the pixels that the tokenizer sees. The codec is the browser's, without colour management; cropping and
 * resizing are the command line's own code, so the same PNG gives the same pixels.
 */
import { RevqError } from "@revq/core";
import { centreCrop, type RgbImage } from "@revq/data/pixels";

/** Above this many pixels an image is refused, as on the command line. */
const pixelLimit = 100_000_000;

/** `[size, size, 3]` uint8: upright, alpha over white, the short side resized to `size`, centre. Throws `image-unreadable`. */
export async function decodeImage(image: Blob, name: string, size: number): Promise<Uint8Array> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(image, { colorSpaceConversion: "none" });
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
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  const rgba = context.getImageData(0, 0, width, height).data;
  const data = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4) {
    data[to++] = rgba[from]!;
    data[to++] = rgba[from + 1]!;
    data[to++] = rgba[from + 2]!;
  }
  return { width, height, data };
}

function unreadable(name: string, reason: string, cause?: unknown): RevqError {
  return new RevqError("image-unreadable", `The image ${name} cannot be read: ${reason}.`, {
    fix: "Use a jpeg, png or webp image.",
    cause,
  });
}
