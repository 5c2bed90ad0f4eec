/** Pictures to ids and back, tile by tile, a batch of tiles at a time: memory is bounded by the batch and the picture. */
import { RevqError, type ReportProgress } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import { checkCodeRange } from "./code-range.js";
import { fromFloatPixels, toFloatPixels, type DecodedPicture, type Picture } from "./picture.js";
import type { Tokenizer } from "./tokenizer.js";
import { checkGrid, cutTile, planTiles, tileCount, TileBlender, type TileGrid } from "./tile-grid.js";

export interface CodingOptions {
  /** Least overlap of tiles as a share of their size, for pictures of other sizes than the trained one. Default 0.25. */
  readonly overlap?: number;
  /** Tiles at a time. Default 8. */
  readonly batch?: number;
  readonly report?: ReportProgress;
  readonly signal?: AbortSignal;
}

const defaultBatch = 8;

/** @see Tokenizer.encode */
export async function encodePictures(
  tokenizer: Tokenizer,
  pictures: Picture | readonly Picture[],
  options: CodingOptions,
): Promise<Int32Array> {
  const list = isList(pictures) ? pictures : [pictures];
  const first = list[0];
  if (!first) return new Int32Array(0);
  const other = list.find(({ width, height }) => width !== first.width || height !== first.height);
  if (other) {
    throw new RevqError(
      "pictures-differ",
      `Pictures of one call must have one size; got ${first.width} x ${first.height} and ${other.width} x ${other.height}.`,
      { fix: "Encode pictures of different sizes one by one." },
    );
  }
  const grid = planTiles(first.width, first.height, tokenizer.imageSize, options.overlap);
  const { tile } = grid;
  const t = tokenizer.tokens.tokens;
  const tiles = tileCount(grid);
  const total = list.length * tiles;
  const ids = new Int32Array(total * t);
  let open: { picture: number; pixels: Float32Array } = { picture: -1, pixels: new Float32Array(0) };
  for (let start = 0; start < total; start += options.batch ?? defaultBatch) {
    options.signal?.throwIfAborted();
    const n = Math.min(options.batch ?? defaultBatch, total - start);
    const batch = new Float32Array(n * tile * tile * 3);
    for (let i = 0; i < n; i++) {
      const picture = Math.floor((start + i) / tiles);
      if (picture !== open.picture) open = { picture, pixels: toFloatPixels(list[picture]!) };
      cutTile(open.pixels, grid, (start + i) % tiles, batch.subarray(i * tile * tile * 3, (i + 1) * tile * tile * 3));
    }
    const images = tf.tensor4d(batch, [n, tile, tile, 3]);
    try {
      const codes = await tokenizer.encodeImages(images);
      ids.set(await codes.data(), start * t);
      codes.dispose();
    } finally {
      images.dispose();
    }
    options.report?.({ phase: "encode", done: start + n, total });
  }
  return ids;
}

/** @see Tokenizer.decode */
export async function decodePictures(
  tokenizer: Tokenizer,
  ids: Int32Array,
  size: { readonly width: number; readonly height: number } | TileGrid | undefined,
  options: CodingOptions,
): Promise<DecodedPicture[]> {
  const grid = gridOf(tokenizer, size, options);
  const { width, height, tile } = grid;
  const t = tokenizer.tokens.tokens;
  const tiles = tileCount(grid);
  const count = ids.length / (tiles * t);
  if (!Number.isInteger(count)) {
    throw new RevqError(
      "ids-length",
      `${ids.length} ids are no whole number of pictures: one of ${width} x ${height} has ${tiles * t} (${tiles} tiles of ${t}).`,
      { fix: "Give the size or the grid that the picture was encoded with." },
    );
  }
  checkCodeRange(ids, tokenizer.tokens);
  const pictures: DecodedPicture[] = [];
  let blender: TileBlender | undefined;
  for (let start = 0; start < count * tiles; start += options.batch ?? defaultBatch) {
    options.signal?.throwIfAborted();
    const n = Math.min(options.batch ?? defaultBatch, count * tiles - start);
    const codes = tf.tensor2d(ids.slice(start * t, (start + n) * t), [n, t], "int32");
    let pixels: Float32Array;
    try {
      const images = await tokenizer.decodeCodes(codes);
      pixels = (await images.data()) as Float32Array;
      images.dispose();
    } finally {
      codes.dispose();
    }
    for (let i = 0; i < n; i++) {
      const index = (start + i) % tiles;
      blender ??= new TileBlender(grid);
      blender.add(index, pixels.subarray(i * tile * tile * 3, (i + 1) * tile * tile * 3));
      if (index < tiles - 1) continue;
      pictures.push(fromFloatPixels(width, height, blender.pixels));
      blender = undefined;
    }
    options.report?.({ phase: "decode", done: start + n, total: count * tiles });
  }
  return pictures;
}

function gridOf(
  tokenizer: Tokenizer,
  size: { readonly width: number; readonly height: number } | TileGrid | undefined,
  options: CodingOptions,
): TileGrid {
  const side = tokenizer.imageSize;
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

function isList(pictures: Picture | readonly Picture[]): pictures is readonly Picture[] {
  return Array.isArray(pictures);
}
