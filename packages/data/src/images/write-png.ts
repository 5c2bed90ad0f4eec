/** Encodes images as PNG and WebP, and writes PNG files atomically. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Sharp } from "sharp";
import { writeFileAtomic } from "@revq/formats/node";
import { unitRangeToBytes } from "../pixels/crop.js";
import { loadSharp } from "./decode.js";

/** Row-major `[height, width, 3]`: float32 in [-1, 1] (clamped, rounded to 8 bits) or uint8. */
export interface WritableImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Float32Array | Uint8Array;
}

/** The bytes of a PNG file. The same image gives the same bytes. */
export async function encodePng(image: WritableImage): Promise<Uint8Array> {
  return (await rawImage(image)).png({ compressionLevel: 6 }).toBuffer();
}

/**
 * The bytes of a lossy WebP file of high quality: about a tenth of a PNG's, for pages with many
 * images.
 */
export async function encodeWebp(image: WritableImage): Promise<Uint8Array> {
  return (await rawImage(image)).webp({ quality: 92 }).toBuffer();
}

async function rawImage({ width, height, pixels }: WritableImage): Promise<Sharp> {
  if (pixels.length !== width * height * 3) {
    throw new RangeError(`${width} x ${height} RGB needs ${width * height * 3} values, got ${pixels.length}.`);
  }
  const sharp = await loadSharp();
  const bytes = pixels instanceof Float32Array ? unitRangeToBytes(pixels) : pixels;
  return sharp(bytes, { raw: { width, height, channels: 3 } });
}

/** Writes a PNG file and, where needed, its folder. */
export async function writePng(path: string, image: WritableImage): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, await encodePng(image));
}
