/**
 * Some browsers (Firefox 145 against fingerprinting, Brave) change what a canvas gives back, so that ids
 * would differ silently. A known pattern shows it; then images are decoded without a canvas.
 */
import { RevqError } from "@revq/core";

const side = 16;
let known: boolean | undefined;

/** Draws a known pattern and reads it back, once. */
export function canvasAddsNoise(): boolean {
  known ??= differs(patternOf(side), readBack(patternOf(side)));
  return known;
}

/** Opaque and with many colours: flat areas get no noise. `[side, side, 4]` */
export function patternOf(side: number): Uint8ClampedArray<ArrayBuffer> {
  return Uint8ClampedArray.from({ length: side * side * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * 37 + 11) % 251));
}

export function differs(written: ArrayLike<number>, read: ArrayLike<number>): boolean {
  for (let i = 0; i < written.length; i++) if (written[i] !== read[i]) return true;
  return false;
}

function readBack(pattern: Uint8ClampedArray<ArrayBuffer>): Uint8ClampedArray {
  const context = new OffscreenCanvas(side, side).getContext("2d", { willReadFrequently: true })!;
  context.putImageData(new ImageData(pattern, side, side), 0, 0);
  return context.getImageData(0, 0, side, side).data;
}

/** The few parts of WebCodecs' `ImageDecoder` that are used; TypeScript's library for workers lacks it. */
interface Decoder {
  decode(): Promise<{ readonly image: VideoFrame }>;
  close(): void;
}
type DecoderClass = new (init: { data: ReadableStream; type: string; colorSpaceConversion: "none" }) => Decoder;

/** The file's pixels by WebCodecs, `[height, width, 4]`. @throws RevqError `canvas-noise` where that is not possible */
export async function decodedPixels(file: Blob, width: number, height: number): Promise<Uint8Array> {
  const ImageDecoder = (globalThis as { ImageDecoder?: DecoderClass }).ImageDecoder;
  if (!ImageDecoder) throw noise();
  const decoder = new ImageDecoder({ data: file.stream(), type: file.type, colorSpaceConversion: "none" });
  try {
    const { image } = await decoder.decode();
    // Other sizes: the file is rotated, which only a canvas takes into account.
    if (image.displayWidth !== width || image.displayHeight !== height) throw noise();
    const pixels = new Uint8Array(width * height * 4);
    await image.copyTo(pixels, { format: "RGBA" } as VideoFrameCopyToOptions);
    image.close();
    return pixels;
  } finally {
    decoder.close();
  }
}

function noise(): RevqError {
  return new RevqError(
    "canvas-noise",
    "This browser adds noise to pictures that a page reads, so ids would be wrong.",
    {
      fix: "Allow this page to read canvases (in Firefox: the shield in the address bar; in Brave: Shields).",
    },
  );
}
