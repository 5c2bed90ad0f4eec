/** Images and latents to ids, batch by batch. */
import { RevqError, type ImageSource, type ReportProgress } from "@revq/core";
import { openImages, openLatents, type IndexedImageSource } from "@revq/data";
import type { TileGrid, Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { openWholeImages } from "../images/whole-images.js";
import { imageSizeOf } from "../tokenizer/open-tokenizer.js";

export interface EncodeContext {
  readonly tokenizer: Tokenizer;
  /** Images, tiles or latents at a time. */
  readonly batch: number;
  readonly signal: AbortSignal;
  readonly report: ReportProgress;
}

export interface Encoded {
  readonly names: string[];
  /** int32 `[n, t]` of every batch. */
  readonly ids: Int32Array[];
  readonly grids?: TileGrid[];
  readonly skipped: ImageSource["skipped"];
  /** Everything that was found, and what of it is not an image. */
  readonly found: number;
  readonly passedOver: number;
  readonly notes: readonly string[];
  /** How many inputs there are; more than `names` after an abort. */
  readonly total: number;
}

/** Every image at its own size, in tiles. */
export async function encodeTiles(
  paths: readonly string[],
  { tokenizer, batch, signal, report }: EncodeContext,
): Promise<Encoded> {
  const images = await openWholeImages(paths);
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
  return { names, ids, grids, skipped: images.skipped, ...countsOf(images.source) };
}

/** Images resized and cropped to the tokenizer's size. After an abort the finished batches are kept. */
export async function encodeCrops(
  paths: readonly string[],
  { tokenizer, batch, signal, report }: EncodeContext,
): Promise<Encoded> {
  const size = imageSizeOf(tokenizer);
  const images = await openImages(paths, { size });
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
  return { names, ids, skipped: images.skipped, ...countsOf(images) };
}

/** Latents of a file or store, named by their number. After an abort the finished batches are kept. */
export async function encodeLatents(
  path: string,
  { tokenizer, batch, signal, report }: EncodeContext,
): Promise<Encoded> {
  const latents = await openLatents(path);
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
  return { names, ids, skipped: [], total: latents.count, found: latents.count, passedOver: 0, notes: [] };
}

function countsOf({
  count,
  found,
  passedOver,
  notes,
}: IndexedImageSource): Pick<Encoded, "total" | "found" | "passedOver" | "notes"> {
  return { total: count, found, passedOver, notes };
}
