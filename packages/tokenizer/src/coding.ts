/** Images to ids and back, in batches of crops or tiles. The batch and the image bound the memory. */
import { checkIds, RevqError, type ReportProgress, type RgbaImage, type TokenLayout } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type { EffortOptions } from "./effort.js";
import { fromFloatPixels, toCroppedPixels, toFloatPixels, type DecodedImage } from "./image.js";
import { openImage } from "./open-image.js";
import { checkGrid, cutTile, planTiles, tileCount, TileBlender, type TileGrid } from "./tile-grid.js";

/** The part of a tokenizer that encodes and decodes tiles. */
export interface TileCoder {
  /** Side of a tile in pixels. */
  readonly imageSize: number;
  readonly layout: TokenLayout;
  encodeImages(images: Tensor4D, options: EffortOptions): Promise<Tensor2D>;
  decodeIds(ids: Tensor2D): Promise<Tensor4D>;
}

/** Pixels; in Node also the path or URL of an image file. */
export type ImageInput = RgbaImage | string | URL;

export interface CodingOptions {
  /** Smallest overlap of neighbouring tiles as a share of their side, 0 to below 1. Default 0.25. */
  readonly overlap?: number;
  /** Images or tiles at a time. Default 8. */
  readonly batch?: number;
  readonly report?: ReportProgress;
  readonly signal?: AbortSignal;
}

export interface EncodeOptions extends CodingOptions, EffortOptions {
  /** Keep the size of the images: tiles of the trained size cover them. Default: false, the centre crop. */
  readonly tile?: boolean;
}

const defaultBatch = 8;

/** @see Tokenizer.encode */
export async function encodeInputs(
  coder: TileCoder,
  given: ImageInput | readonly ImageInput[],
  options: EncodeOptions,
): Promise<Int32Array> {
  const inputs = isList(given) ? given : [given];
  if (options.tile) return encodeTiles(coder, await Promise.all(inputs.map(pixelsOf)), options);
  const { imageSize } = coder;
  const crop = async (index: number, out: Float32Array): Promise<void> =>
    out.set(toCroppedPixels(await pixelsOf(inputs[index]!), imageSize));
  return encodeBatches(coder, inputs.length, crop, options);
}

async function encodeTiles(
  coder: TileCoder,
  images: readonly RgbaImage[],
  options: EncodeOptions,
): Promise<Int32Array> {
  const first = images[0];
  if (!first) return new Int32Array(0);
  const other = images.find(({ width, height }) => width !== first.width || height !== first.height);
  if (other) {
    throw new RevqError(
      "images-differ",
      `Images of one call must have one size in tiles; got ${first.width} x ${first.height} and ${other.width} x ${other.height}.`,
      { fix: "Encode images of different sizes one by one, or without tiles." },
    );
  }
  const grid = planTiles(first.width, first.height, coder.imageSize, options.overlap);
  const tiles = tileCount(grid);
  let open: { index: number; pixels: Float32Array } = { index: -1, pixels: new Float32Array(0) };
  const cut = (at: number, out: Float32Array): void => {
    const index = Math.floor(at / tiles);
    if (index !== open.index) open = { index, pixels: toFloatPixels(images[index]!) };
    cutTile(open.pixels, grid, at % tiles, out);
  };
  return encodeBatches(coder, images.length * tiles, cut, options);
}

/** @param fill writes tile `index`, `[tile, tile, 3]` float32 in [-1, 1] */
async function encodeBatches(
  coder: TileCoder,
  total: number,
  fill: (index: number, out: Float32Array) => void | Promise<void>,
  { batch = defaultBatch, report, signal, effort }: EncodeOptions,
): Promise<Int32Array> {
  const { imageSize: tile, layout } = coder;
  const ids = new Int32Array(total * layout.count);
  const size = tile * tile * 3;
  for (let start = 0; start < total; start += batch) {
    signal?.throwIfAborted();
    const n = Math.min(batch, total - start);
    const pixels = new Float32Array(n * size);
    for (let i = 0; i < n; i++) await fill(start + i, pixels.subarray(i * size, (i + 1) * size));
    const images = tf.tensor4d(pixels, [n, tile, tile, 3]);
    try {
      const found = await coder.encodeImages(images, { effort });
      ids.set(await found.data(), start * layout.count);
      found.dispose();
    } finally {
      images.dispose();
    }
    report?.({ phase: "encode", done: start + n, total });
  }
  return ids;
}

function pixelsOf(input: ImageInput): RgbaImage | Promise<RgbaImage> {
  if (typeof input === "string" || input instanceof URL) return openImage(input);
  if ((input as Partial<RgbaImage> | null | undefined)?.data instanceof Object) return input;
  throw new RevqError("image-data", "An image is { width, height, data }, or the path or URL of its file.", {
    fix: "Name the file, or decode its bytes first, for example with sharp.",
  });
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
      { fix: "Give the size or the grid of an image in tiles. Leave it out for a centre crop." },
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

function isList(inputs: ImageInput | readonly ImageInput[]): inputs is readonly ImageInput[] {
  return Array.isArray(inputs);
}
