/** Images and latents to ids, batch by batch. */
import { RevqError, type LatentSource, type ReportProgress } from "@revq/core";
import type { IndexedImageSource, SkippedImage } from "@revq/data";
import type { TileGrid, Tokenizer } from "@revq/tokenizer";
import { countImages, countLatents, noteEnlarged, noteSkipped, type ImageCounts } from "@revq/train";
import * as tf from "@tensorflow/tfjs-core";
import { readWholeImages } from "../images/whole-images.js";
import { imageSizeOf } from "../tokenizer/open-tokenizer.js";

export interface EncodeContext {
  readonly tokenizer: Tokenizer;
  /** Images, tiles or latents at a time. */
  readonly batch: number;
  readonly signal: AbortSignal;
  readonly report: ReportProgress;
  readonly note: (line: string) => void;
}

export interface Encoded {
  readonly names: string[];
  /** int32 `[n, t]` of every batch. */
  readonly ids: Int32Array[];
  readonly grids?: TileGrid[];
  readonly counts: ImageCounts;
  /** How many inputs there are; more than `names` after an abort. */
  readonly total: number;
}

/** Every image at its own size, in tiles. */
export async function encodeTiles(
  images: IndexedImageSource,
  { tokenizer, batch, signal, report, note }: EncodeContext,
): Promise<Encoded> {
  const skipped: SkippedImage[] = [];
  const names: string[] = [];
  const ids: Int32Array[] = [];
  const grids: TileGrid[] = [];
  for await (const { name, image } of readWholeImages(images, skipped)) {
    ids.push(await tokenizer.encode(image, { tile: true, batch, signal, report }));
    names.push(name);
    grids.push(tokenizer.grid(image.width, image.height));
  }
  if (names.length === 0) {
    throw new RevqError("data-no-images", `None of the images could be read (${skipped[0]?.reason}).`, {
      fix: "Check that the files are complete images.",
    });
  }
  noteSkipped(skipped, note);
  return { names, ids, grids, counts: countImages(images, skipped), total: images.count };
}

/** Images resized and cropped to the tokenizer's size. After an abort the finished batches are kept. */
export async function encodeCrops(
  found: IndexedImageSource,
  { tokenizer, batch, signal, report, note }: EncodeContext,
): Promise<Encoded> {
  const images = found.withSize(imageSizeOf(tokenizer));
  const known = images.skipped.length;
  const names: string[] = [];
  const ids: Int32Array[] = [];
  for await (const read of images.batches(batch)) {
    const pixels = tf.tensor4d(read.pixels, [read.names.length, read.size, read.size, 3]);
    const encoded = await tokenizer.encodeImages(pixels);
    ids.push((await encoded.data()) as Int32Array);
    names.push(...read.names);
    tf.dispose([pixels, encoded]);
    report({ phase: "encode", done: names.length, total: images.count });
    if (signal.aborted) break;
  }
  noteSkipped(images.skipped.slice(known), note);
  noteEnlarged([images], note);
  return { names, ids, counts: countImages(images), total: images.count };
}

/** Latents of a file or store, named by their number. After an abort the finished batches are kept. */
export async function encodeLatents(
  latents: LatentSource,
  { tokenizer, batch, signal, report }: EncodeContext,
): Promise<Encoded> {
  const { channels, height, width } = latents.shape;
  const digits = Math.max(5, String(latents.count - 1).length);
  const names: string[] = [];
  const ids: Int32Array[] = [];
  for (let start = 0; start < latents.count && !signal.aborted; start += batch) {
    const rows = Array.from({ length: Math.min(batch, latents.count - start) }, (_, i) => start + i);
    const values = tf.tensor4d(await latents.read(rows), [rows.length, height, width, channels]);
    const encoded = await tokenizer.encodeLatents(values);
    ids.push((await encoded.data()) as Int32Array);
    names.push(...rows.map((row) => String(row).padStart(digits, "0")));
    tf.dispose([values, encoded]);
    report({ phase: "encode", done: start + rows.length, total: latents.count });
  }
  return { names, ids, counts: countLatents(latents.count), total: latents.count };
}
