/** Pictures as canvases, made once each, and error maps between two of them. */
import type { Picture } from "../../protocol/messages.js";
import { heat } from "../colours.js";

const canvases = new WeakMap<Picture, OffscreenCanvas>();

export function canvasOf(picture: Picture): OffscreenCanvas {
  let canvas = canvases.get(picture);
  if (!canvas) {
    const { size, pixels } = picture;
    canvas = new OffscreenCanvas(size, size);
    canvas.getContext("2d")!.putImageData(new ImageData(pixels, size, size), 0, 0);
    canvases.set(picture, canvas);
  }
  return canvas;
}

interface Made {
  readonly original: Picture;
  readonly gain: number;
  readonly map: Picture;
}
const maps = new WeakMap<Picture, Made>();

/** Mean absolute difference over RGB times `gain`, as heat. Null when the sizes differ. */
export function errorMap(picture: Picture, original: Picture, gain: number): Picture | null {
  if (picture.size !== original.size) return null;
  const made = maps.get(picture);
  if (made?.original === original && made.gain === gain) return made.map;
  const pixels = new Uint8ClampedArray(picture.pixels.length);
  const [a, b] = [picture.pixels, original.pixels];
  for (let i = 0; i < pixels.length; i += 4) {
    const difference = Math.abs(a[i]! - b[i]!) + Math.abs(a[i + 1]! - b[i + 1]!) + Math.abs(a[i + 2]! - b[i + 2]!);
    const [red, green, blue] = heat((difference * gain) / 765);
    pixels[i] = red;
    pixels[i + 1] = green;
    pixels[i + 2] = blue;
    pixels[i + 3] = 255;
  }
  const map = { size: picture.size, pixels };
  maps.set(picture, { original, gain, map });
  return map;
}
