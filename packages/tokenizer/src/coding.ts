/** Images to ids and back, in batches of tiles. The batch and the image bound the memory. */
import { checkIds, RevqError, type ReportProgress, type RgbaImage, type TokenLayout } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { fromFloatPixels, toFloatPixels, type DecodedImage } from "./image.js";
import { checkGrid, cutTile, planTiles, tileCount, TileBlender, type TileGrid } from "./tile-grid.js";

/** The part of a tokenizer that encodes and decodes tiles. */
export interface TileCoder {
  /** Side of a tile in pixels. */
  readonly imageSize: number;
  readonly layout: TokenLayout;
  encodeImages(images: Tensor4D): Promise<Tensor2D>;
  decodeIds(ids: Tensor2D): Promise<Tensor4D>;
}

export interface CodingOptions {
  /**
   * Smallest overlap of neighbouring tiles as a share of their side, 0 to below 1. Default 0.25. It
   * matters for images of another size than the trained one.
   */
  readonly overlap?: number;
  /** Tiles at a time. Default 8. */
  readonly batch?: number;
  readonly report?: ReportProgress;
  readonly signal?: AbortSignal;
}

const defaultBatch = 8;

/** @see Tokenizer.encode */
export async function encodeTiles(
  coder: TileCoder,
  given: RgbaImage | readonly RgbaImage[],
  options: CodingOptions,
): Promise<Int32Array> {
  const list = isList(given) ? given : [given];
  const first = list[0];
  if (!first) return new Int32Array(0);
  const other = list.find(({ width, height }) => width !== first.width || height !== first.height);
  if (other) {
    throw new RevqError(
      "images-differ",
      `Images of one call must have one size; got ${first.width} x ${first.height} and ${other.width} x ${other.height}.`,
      { fix: "Encode images of different sizes one by one." },
    );
  }
  const grid = planTiles(first.width, first.height, coder.imageSize, options.overlap);
  const { tile } = grid;
  const t = coder.layout.count;
  const tiles = tileCount(grid);
  const total = list.length * tiles;
  const ids = new Int32Array(total * t);
  let open: { index: number; pixels: Float32Array } = { index: -1, pixels: new Float32Array(0) };
  for (let start = 0; start < total; start += options.batch ?? defaultBatch) {
    options.signal?.throwIfAborted();
    const n = Math.min(options.batch ?? defaultBatch, total - start);
    const batch = new Float32Array(n * tile * tile * 3);
    for (let i = 0; i < n; i++) {
      const index = Math.floor((start + i) / tiles);
      if (index !== open.index) open = { index, pixels: toFloatPixels(list[index]!) };
      cutTile(open.pixels, grid, (start + i) % tiles, batch.subarray(i * tile * tile * 3, (i + 1) * tile * tile * 3));
    }
    const images = tf.tensor4d(batch, [n, tile, tile, 3]);
    try {
      const found = await coder.encodeImages(images);
      ids.set(await found.data(), start * t);
      found.dispose();
    } finally {
      images.dispose();
    }
    options.report?.({ phase: "encode", done: start + n, total });
  }
  return ids;
}

/** @see Tokenizer.decode */
export async function decodeTiles(
  coder: TileCoder,
  ids: Int32Array,
  size: { readonly width: number; readonly height: number } | TileGrid | undefined,
  options: CodingOptions,
): Promise<DecodedImage[]> {
  const grid = gridOf(coder, size, options);
  const { width, height, tile } = grid;
  const t = coder.layout.count;
  const tiles = tileCount(grid);
  const count = ids.length / (tiles * t);
  if (!Number.isInteger(count)) {
    throw new RevqError(
      "ids-length",
      `${ids.length} ids are not a whole number of images: one of ${width} x ${height} has ${tiles * t} (${tiles} tiles of ${t}).`,
      { fix: "Give the size or the grid that the image was encoded with." },
    );
  }
  checkIds(ids, coder.layout);
  const decoded: DecodedImage[] = [];
  let blender: TileBlender | undefined;
  for (let start = 0; start < count * tiles; start += options.batch ?? defaultBatch) {
    options.signal?.throwIfAborted();
    const n = Math.min(options.batch ?? defaultBatch, count * tiles - start);
    const batch = tf.tensor2d(ids.slice(start * t, (start + n) * t), [n, t], "int32");
    let pixels: Float32Array;
    try {
      const images = await coder.decodeIds(batch);
      pixels = (await images.data()) as Float32Array;
      images.dispose();
    } finally {
      batch.dispose();
    }
    for (let i = 0; i < n; i++) {
      const index = (start + i) % tiles;
      blender ??= new TileBlender(grid);
      blender.add(index, pixels.subarray(i * tile * tile * 3, (i + 1) * tile * tile * 3));
      if (index < tiles - 1) continue;
      decoded.push(fromFloatPixels(width, height, blender.pixels));
      blender = undefined;
    }
    options.report?.({ phase: "decode", done: start + n, total: count * tiles });
  }
  return decoded;
}

function gridOf(
  coder: TileCoder,
  size: { readonly width: number; readonly height: number } | TileGrid | undefined,
  options: CodingOptions,
): TileGrid {
  const side = coder.imageSize;
  if (!size) return planTiles(side, side, side);
  if (!("columns" in size)) return planTiles(size.width, size.height, side, options.overlap);
  if (size.tile !== side) {
    throw new RevqError("tile-size", `The ids are of tiles of ${size.tile} pixels, the tokenizer's have ${side}.`, {
      fix: "Decode with the tokenizer that made the ids.",
    });
  }
  checkGrid(size);
  return size;
}

function isList(images: RgbaImage | readonly RgbaImage[]): images is readonly RgbaImage[] {
  return Array.isArray(images);
}
