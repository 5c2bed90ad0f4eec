/** A contact sheet: rows of square images side by side, with a caption above each column. */
import { captionHeight, drawCaption } from "./caption.js";
import { unitRangeToBytes } from "./crop.js";

export interface ImageGridOptions {
  /** One caption per column. */
  readonly labels?: readonly string[];
  /** Pixels between images and around them; default 4. */
  readonly gap?: number;
}

const background = 0xff;

/**
 * @param rows `rows[y][x]` is one image `[size, size, 3]` float32 in [-1, 1]. Rows may have
 * different lengths.
 * @returns uint8 pixels, width and height, for `writePng`
 */
export function imageGrid(
  rows: readonly (readonly Float32Array[])[],
  size: number,
  { labels, gap = 4 }: ImageGridOptions = {},
): { width: number; height: number; pixels: Uint8Array } {
  const columns = Math.max(labels?.length ?? 0, ...rows.map((row) => row.length));
  const header = labels ? captionHeight + gap : 0;
  const width = gap + columns * (size + gap);
  const height = header + gap + rows.length * (size + gap);
  const pixels = new Uint8Array(width * height * 3).fill(background);
  labels?.forEach((label, x) => drawCaption(pixels, width, gap + x * (size + gap), gap, size, label));
  rows.forEach((row, y) => {
    row.forEach((image, x) => {
      if (image.length !== size * size * 3) {
        throw new RangeError(`Image ${x} of row ${y} has ${image.length} values instead of ${size * size * 3}.`);
      }
      const bytes = unitRangeToBytes(image);
      const top = header + gap + y * (size + gap);
      const left = gap + x * (size + gap);
      for (let line = 0; line < size; line++) {
        pixels.set(bytes.subarray(line * size * 3, (line + 1) * size * 3), ((top + line) * width + left) * 3);
      }
    });
  });
  return { width, height, pixels };
}
