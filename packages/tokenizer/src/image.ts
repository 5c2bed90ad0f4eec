/** Conversion of images: a browser's ImageData, raw pixels of sharp, float32 of a model. */
import { RevqError, type RgbaImage } from "@revq/core";
import { centreCrop } from "@revq/numerics";

/**
 * RGBA bytes, ready for `new ImageData(data, width, height)` and for `sharp(data, { raw: { width,
 * height, channels: 4 } })`.
 */
export interface DecodedImage extends RgbaImage {
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

/**
 * RGB or RGBA, bytes or float32 -> `[height, width, 3]` float32 in [-1, 1]. A byte x becomes x /
 * 127.5 - 1. Throws `image-data` when data and size disagree.
 *
 * @example
 * toFloatPixels({ width: 1, height: 1, data: Uint8Array.of(0, 255, 0) }); // => [-1, 1, -1]
 */
export function toFloatPixels(image: RgbaImage): Float32Array {
  const { width, height, data } = image;
  const channels = channelsOf(image);
  if (data instanceof Float32Array && channels === 3) return data;
  const scale = data instanceof Float32Array ? (value: number) => value : (value: number) => value / 127.5 - 1;
  const pixels = new Float32Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    for (let channel = 0; channel < 3; channel++) pixels[i * 3 + channel] = scale(data[i * channels + channel]!);
  }
  return pixels;
}

/**
 * The image as the model sees it: its short side is resized to `size`, and the centre is taken, as
 * `revq encode` and training do. An image of that size is taken as it is. Others are resampled in bytes;
 * float32 is rounded to bytes before. Throws `image-data`.
 *
 * @returns `[size, size, 3]` float32 in [-1, 1]
 */
export function toCroppedPixels(image: RgbaImage, size: number): Float32Array {
  const { width, height } = image;
  if (width === size && height === size) return toFloatPixels(image);
  const data = centreCrop({ width, height, data: toRgbBytes(image) }, size);
  return toFloatPixels({ width: size, height: size, data });
}

function toRgbBytes(image: RgbaImage): Uint8Array {
  const { width, height, data } = image;
  const channels = channelsOf(image);
  const scale = data instanceof Float32Array ? (value: number) => Math.round((value + 1) * 127.5) : Number;
  const bytes = new Uint8ClampedArray(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    for (let channel = 0; channel < 3; channel++) bytes[i * 3 + channel] = scale(data[i * channels + channel]!);
  }
  return new Uint8Array(bytes.buffer);
}

/** 3 or 4. Throws `image-data`. */
function channelsOf({ width, height, data }: RgbaImage): 3 | 4 {
  const area = width * height;
  const channels = data.length / area;
  if (!Number.isInteger(width) || !Number.isInteger(height) || area < 1 || (channels !== 3 && channels !== 4)) {
    throw new RevqError(
      "image-data",
      `An image of ${width} x ${height} pixels has ${data.length} values; RGB needs ${area * 3}, RGBA ${area * 4}.`,
      { fix: "Give row-major RGB or RGBA values, bytes or float32 in [-1, 1]." },
    );
  }
  return channels;
}

/**
 * `[height, width, 3]` float32 -> RGBA bytes: clamped to [-1, 1], rounded, opaque.
 *
 * @example
 * fromFloatPixels(1, 1, Float32Array.of(-1, 1.5, 0)).data; // => [0, 255, 128, 255]
 */
export function fromFloatPixels(width: number, height: number, pixels: Float32Array): DecodedImage {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < width * height; i++) {
    for (let channel = 0; channel < 3; channel++) {
      data[i * 4 + channel] = Math.round((pixels[i * 3 + channel]! + 1) * 127.5);
    }
    data[i * 4 + 3] = 255;
  }
  return { width, height, data };
}
