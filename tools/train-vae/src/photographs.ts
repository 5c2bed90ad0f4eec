/** Photographs in memory and random square crops of them. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "@revq/core";
import { decodeImage, resizeLanczos, type RgbImage } from "@revq/data";

/**
 * Larger photographs are resized to this short side, so that their detail is like that of the
 * 256-pixel images.
 */
const maxShortSide = 640;

/** Every jpeg, png and webp right below the folders, in byte order of folder and name. */
export async function loadPhotographs(folders: readonly string[], minShortSide: number): Promise<RgbImage[]> {
  const photographs: RgbImage[] = [];
  for (const folder of folders) {
    const names = (await readdir(folder)).filter((name) => /\.(jpe?g|png|webp)$/i.test(name)).sort();
    for (const name of names) {
      const image = await decodeImage(await readFile(join(folder, name)));
      const short = Math.min(image.width, image.height);
      if (short < minShortSide) continue;
      const factor = Math.min(1, maxShortSide / short);
      photographs.push(
        factor === 1
          ? image
          : resizeLanczos(image, Math.round(image.width * factor), Math.round(image.height * factor)),
      );
    }
  }
  return photographs;
}

/** Draws crops; a photograph is drawn in proportion to its pixels. */
export class CropSampler {
  readonly #ends: Float64Array;

  constructor(
    readonly photographs: readonly RgbImage[],
    readonly side: number,
  ) {
    let sum = 0;
    this.#ends = Float64Array.from(photographs, ({ width, height }) => (sum += width * height));
  }

  /**
   * `[count, side, side, 3]`, or channels first, in [-1, 1], at random positions; half of them
   * mirrored.
   */
  draw(count: number, random: Random, channelsFirst: boolean): Float32Array {
    const { side } = this;
    const plane = side * side;
    const pixels = new Float32Array(count * plane * 3);
    for (let n = 0; n < count; n++) {
      const at = random.uniform() * this.#ends.at(-1)!;
      const { width, height, data } = this.photographs[this.#ends.findIndex((end) => at < end)]!;
      const left = random.integer(width - side + 1);
      const top = random.integer(height - side + 1);
      const mirrored = random.uniform() < 0.5;
      for (let y = 0; y < side; y++) {
        for (let x = 0; x < side; x++) {
          const from = ((top + y) * width + left + (mirrored ? side - 1 - x : x)) * 3;
          for (let c = 0; c < 3; c++) {
            const index = channelsFirst ? (n * 3 + c) * plane + y * side + x : (n * plane + y * side + x) * 3 + c;
            pixels[index] = data[from + c]! / 127.5 - 1;
          }
        }
      }
    }
    return pixels;
  }
}
