/** Images and latents to ids: crops and latents as `revq tokenize` encodes them, and images in tiles. */
import { RevqError, type LatentSource, type ReportProgress } from "@revq/core";
import type { IndexedImageSource, SkippedImage } from "@revq/data";
import { imageSamples, latentSamples, type SampleSource } from "@revq/dataset";
import type { TileGrid, Tokenizer } from "@revq/tokenizer";
import { countImages, countLatents, noteEnlarged, noteSkipped, type ImageCounts } from "@revq/train";
import { readWholeImages } from "../images/whole-images.js";
import { imageSizeOf } from "../tokenizer/open-tokenizer.js";

export interface EncodeContext {
  readonly tokenizer: Tokenizer;
  /** Images, tiles or latents at a time. */
  readonly batch: number;
  /** Sweeps after the first search. */
  readonly effort: number;
  readonly signal: AbortSignal;
  readonly report: ReportProgress;
  readonly note: (line: string) => void;
}

export interface Encoded {
  readonly names: readonly string[];
  /** `[n, t]`, n images or tiles. */
  readonly ids: Int32Array;
  readonly grids?: readonly TileGrid[];
  readonly counts: ImageCounts;
  /** How many inputs there are; more than `names` after an abort. */
  readonly total: number;
}

/** Every image at its own size, in tiles. */
export async function encodeTiles(
  images: IndexedImageSource,
  { tokenizer, batch, effort, signal, report, note }: EncodeContext,
): Promise<Encoded> {
  const skipped: SkippedImage[] = [];
  const names: string[] = [];
  const ids: Int32Array[] = [];
  const grids: TileGrid[] = [];
  for await (const { name, image } of readWholeImages(images, skipped)) {
    ids.push(await tokenizer.encode(image, { tile: true, batch, effort, signal, report }));
    names.push(name);
    grids.push(tokenizer.grid(image.width, image.height));
  }
  if (names.length === 0) throw noneReadable(skipped);
  noteSkipped(skipped, note);
  return { names, ids: concatenate(ids), grids, counts: countImages(images, skipped), total: images.count };
}

/** Images resized and cropped to the tokenizer's size. After an abort the finished batches are kept. */
export async function encodeCrops(found: IndexedImageSource, context: EncodeContext): Promise<Encoded> {
  const { tokenizer, batch, effort, note, signal } = context;
  const size = imageSizeOf(tokenizer);
  const source = imageSamples({ images: found, tokenizer, augment: "none", batch, effort });
  const { skipped, ...encoded } = await encodeAll(source, context);
  if (encoded.names.length === 0 && !signal.aborted) throw noneReadable(skipped);
  noteSkipped(skipped, note);
  noteEnlarged([{ enlarged: found.enlarged, size }], note);
  return { ...encoded, counts: countImages(found, skipped) };
}

/** Latents of a file or store, named by their number. After an abort the finished batches are kept. */
export async function encodeLatents(latents: LatentSource, context: EncodeContext): Promise<Encoded> {
  const { tokenizer, batch, effort } = context;
  const source = latentSamples({ latents, names: null, description: "latents", tokenizer, batch, effort });
  return { ...(await encodeAll(source, context)), counts: countLatents(latents.count) };
}

/** One range of samples, as `revq tokenize` encodes its shards. */
async function encodeAll(
  source: SampleSource,
  { signal, report }: EncodeContext,
): Promise<Pick<Encoded, "names" | "ids" | "total"> & { readonly skipped: readonly SkippedImage[] }> {
  const total = source.names.length;
  const onBatch = (done: number): void => report({ phase: "encode", done, total });
  const { images, codes, skipped } = await source.encode(0, total, { signal, onBatch });
  return { names: images.map((image) => source.names[image]!), ids: codes, skipped, total };
}

function noneReadable(skipped: readonly SkippedImage[]): RevqError {
  return new RevqError("data-no-images", `None of the images could be read (${skipped[0]?.reason}).`, {
    fix: "Check that the files are complete images.",
  });
}

function concatenate(parts: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let filled = 0;
  for (const part of parts) {
    all.set(part, filled);
    filled += part.length;
  }
  return all;
}
