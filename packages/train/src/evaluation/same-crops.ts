/**
 * Crops of held-out images that are the same in every run on the same data, for pages that compare
 * runs: as the images are, as the VAE alone makes them, and as the tokenizer does.
 */
import { encodeWebp, imageGrid, type IndexedImageSource } from "@revq/data";
import type { Tokenizer } from "@revq/tokenizer";
import { makePanels, type Panel, type PanelOptions } from "./panels.js";

export const cropKinds = ["original", "vae", "rectified"] as const;
export type CropKind = (typeof cropKinds)[number];

/** Crops in a row. */
const crops = 6;
/** Side of a crop in pixels, at most: small enough that a page can show it pixel by pixel. */
const cropSide = 128;

/** The file of a run folder that holds the crops, a WebP image. */
export function cropsFile(kind: CropKind): string {
  return `run/crops/${kind}.webp`;
}

/** One row of centre crops of each kind, of images that are spread evenly over the source. */
export async function makeSameCrops(
  tokenizer: Tokenizer,
  images: IndexedImageSource,
  options: PanelOptions,
): Promise<Record<CropKind, Uint8Array> | null> {
  const count = Math.min(crops, images.count);
  const rows = Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * images.count) / count));
  const shown = rows.map((row) => ({ name: images.names[row]!, row, psnr: 0, lpips: null }));
  const panels = await makePanels(tokenizer, images, shown, options);
  const found = rows.flatMap((row) => panels.get(row) ?? []);
  if (found.length === 0) return null;
  const strip = (kind: CropKind): Promise<Uint8Array> => stripOf(found, kind, images.size);
  return { original: await strip("original"), vae: await strip("vae"), rectified: await strip("rectified") };
}

async function stripOf(panels: readonly Panel[], kind: CropKind, size: number): Promise<Uint8Array> {
  const side = Math.min(cropSide, size);
  const cut = panels.map((panel) => centre(panel[kind], size, side).map((value) => value * 2 - 1));
  const { width, height, pixels } = imageGrid([cut], side, { gap: 2 });
  return encodeWebp({ width, height, pixels });
}

/** The middle `[side, side, 3]` of an image `[size, size, 3]`. */
function centre(image: Float32Array, size: number, side: number): Float32Array {
  const first = Math.floor((size - side) / 2);
  const out = new Float32Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    const from = ((first + y) * size + first) * 3;
    out.set(image.subarray(from, from + side * 3), y * side * 3);
  }
  return out;
}
