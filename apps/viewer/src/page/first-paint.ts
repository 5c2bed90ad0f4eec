/**
 * What the page shows of its first sample before anything is computed: files of the build, made by
 * tools/viewer/first-paint.mjs. Computed results replace them.
 */
import type { DecodedImage } from "@revq/tokenizer";

/** As `facts.json` has it. */
export interface Facts {
  /** Name of the sample. */
  readonly image: string;
  readonly credit: string;
  /** Pixels. */
  readonly side: number;
  readonly tokens: number;
  readonly bits: number;
  /** dB, from the tokens and of the VAE alone. */
  readonly psnr: number;
  readonly vaePsnr: number;
}

export interface FirstPaint extends Facts {
  readonly original: DecodedImage;
  readonly rectified: DecodedImage;
  /** `[h, w]` */
  readonly map: DecodedImage;
}

/** Null when a file cannot be read: then the page waits for computed results. */
export async function readFirstPaint(): Promise<FirstPaint | null> {
  const read = (path: string): Promise<Response> => fetch(new URL(path, document.baseURI));
  try {
    const facts = (await (await read("first-paint/facts.json")).json()) as Facts;
    const paths = [`samples/${facts.image}`, "first-paint/tokens.webp", "first-paint/map.png"];
    const [original, rectified, map] = await Promise.all(
      paths.map(async (path) => pixelsOf(await (await read(path)).blob())),
    );
    return { ...facts, original: original!, rectified: rectified!, map: map! };
  } catch {
    return null;
  }
}

/** @param side of the square that is cut from the middle and resized; default: as it is */
export async function pixelsOf(file: Blob, side?: number): Promise<DecodedImage> {
  const bitmap = await createImageBitmap(file);
  try {
    const { width, height } = bitmap;
    const [w, h] = side === undefined ? [width, height] : [side, side];
    const context = new OffscreenCanvas(w, h).getContext("2d")!;
    context.fillStyle = "#fff";
    context.fillRect(0, 0, w, h);
    context.imageSmoothingQuality = "high";
    const cut =
      side === undefined ? { w: width, h: height } : { w: Math.min(width, height), h: Math.min(width, height) };
    context.drawImage(bitmap, (width - cut.w) / 2, (height - cut.h) / 2, cut.w, cut.h, 0, 0, w, h);
    return { width: w, height: h, data: context.getImageData(0, 0, w, h).data };
  } finally {
    bitmap.close();
  }
}
