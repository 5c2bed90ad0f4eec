/** Images as canvases, and error maps between two images; each is made once. */
import type { DecodedImage } from "@revq/tokenizer";
import { heat } from "../colours.js";

const canvases = new WeakMap<DecodedImage, OffscreenCanvas>();

export function canvasOf(image: DecodedImage): OffscreenCanvas {
  let canvas = canvases.get(image);
  if (!canvas) {
    const { width, height, data } = image;
    canvas = new OffscreenCanvas(width, height);
    canvas.getContext("2d")!.putImageData(new ImageData(data, width, height), 0, 0);
    canvases.set(image, canvas);
  }
  return canvas;
}

interface ErrorMap {
  readonly original: DecodedImage;
  readonly gain: number;
  readonly map: DecodedImage;
}
const maps = new WeakMap<DecodedImage, ErrorMap>();

/** Mean absolute difference over RGB times `gain`, as heat. Null when the sizes differ. */
export function errorMap(image: DecodedImage, original: DecodedImage, gain: number): DecodedImage | null {
  if (image.width !== original.width || image.height !== original.height) return null;
  const known = maps.get(image);
  if (known?.original === original && known.gain === gain) return known.map;
  const data = new Uint8ClampedArray(image.data.length);
  const [a, b] = [image.data, original.data];
  for (let i = 0; i < data.length; i += 4) {
    const difference = Math.abs(a[i]! - b[i]!) + Math.abs(a[i + 1]! - b[i + 1]!) + Math.abs(a[i + 2]! - b[i + 2]!);
    const [red, green, blue] = heat((difference * gain) / 765);
    data[i] = red;
    data[i + 1] = green;
    data[i + 2] = blue;
    data[i + 3] = 255;
  }
  const map = { width: image.width, height: image.height, data };
  maps.set(image, { original, gain, map });
  return map;
}
