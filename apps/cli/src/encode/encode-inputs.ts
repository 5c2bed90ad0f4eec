/** Images and latents to ids, batch by batch. */
import { RevqError, type ReportProgress } from "@revq/core";
import { openImages, openLatents, type OpenImagesOptions } from "@revq/data";
import type { TileGrid, Tokenizer } from "@revq/tokenizer";
import { countImages, countLatents, noteEnlarged, noteImages, noteSkipped, type ImageCounts } from "@revq/train";
import * as tf from "@tensorflow/tfjs-core";
import { openWholeImages } from "../images/whole-images.js";
import { imageSizeOf } from "../tokenizer/open-tokenizer.js";

export interface EncodeContext extends Pick<OpenImagesOptions, "skipBroken" | "pixelLimit"> {
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
  paths: readonly string[],
  { tokenizer, batch, signal, report, note, ...options }: EncodeContext,
): Promise<Encoded> {
  const images = await openWholeImages(paths, options);
  noteImages(images.source, note);
  const names: string[] = [];
  const ids: Int32Array[] = [];
  const grids: TileGrid[] = [];
  for await (const { name, image } of images.read()) {
    ids.push(await tokenizer.encode(image, { batch, signal, report }));
    names.push(name);
    grids.push(tokenizer.grid(image.width, image.height));
  }
  if (names.length === 0) {
    throw new RevqError("data-no-images", `None of the images could be read (${images.skipped[0]?.reason}).`, {
      fix: "Check that the files are complete images.",
    });
  }
  noteSkipped(images.skipped, note);
  return { names, ids, grids, counts: countImages(images.source, images.skipped), total: images.source.count };
}

/** Images resized and cropped to the tokenizer's size. After an abort the finished batches are kept. */
export async function encodeCrops(
  paths: readonly string[],
  { tokenizer, batch, signal, report, note, ...options }: EncodeContext,
): Promise<Encoded> {
  const images = await openImages(paths, { size: imageSizeOf(tokenizer), ...options });
  noteImages(images, note);
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
  paths: readonly string[],
  { tokenizer, batch, signal, report }: EncodeContext,
): Promise<Encoded> {
  const latents = await openLatents(paths);
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
