/**
 * Images of any size as overlapping square tiles of the trained size, blended linearly along their
 * seams. diffusers' `AutoencoderKL.tiled_decode` does the same (`blend_v`, `blend_h`), with two
 * differences. The tiles are spread evenly, so none is cut or padded if the image is at least one
 * tile large. Ramps are multiplied where four tiles meet. Arithmetic on host arrays only.
 */
import { RevqError } from "@revq/core";

/**
 * The tiles of an image. Decoding needs it beside the ids. It follows from the image's size: see
 * `planTiles`.
 */
export interface TileGrid {
  /** Of the image, in pixels. */
  readonly width: number;
  readonly height: number;
  /** Side of a tile: the size that the tokenizer was trained at. */
  readonly tile: number;
  readonly columns: number;
  readonly rows: number;
}

/** Smallest overlap of neighbours as a share of the tile: the value of diffusers. */
export const defaultOverlap = 0.25;

/**
 * The grid for an image of `width` x `height` pixels. Throws `image-size` and `tile-overlap`.
 *
 * @param overlap smallest share of a tile that neighbours have in common, 0 to below 1
 *
 * @example
 * const { columns, rows } = planTiles(640, 256, 256);
 * [columns, rows]; // => [3, 1]
 */
export function planTiles(width: number, height: number, tile: number, overlap = defaultOverlap): TileGrid {
  for (const [name, size] of [
    ["width", width],
    ["height", height],
  ] as const) {
    if (!Number.isInteger(size) || size < 1) {
      throw new RevqError("image-size", `The image's ${name} is ${size}, expected a whole number of pixels.`);
    }
  }
  if (!(overlap >= 0 && overlap < 1)) {
    throw new RevqError("tile-overlap", `The overlap of tiles is ${overlap}, expected a share from 0 to below 1.`, {
      fix: "0.25 hides seams well.",
    });
  }
  const stride = Math.max(1, Math.floor(tile * (1 - overlap)));
  const along = (size: number): number => (size <= tile ? 1 : Math.ceil((size - tile) / stride) + 1);
  return { width, height, tile, columns: along(width), rows: along(height) };
}

/**
 * Throws `tile-grid` unless the tiles cover the image. For grids from files.
 *
 * @example
 * checkGrid(planTiles(640, 256, 256)); // => undefined
 */
export function checkGrid(grid: TileGrid): void {
  const { width, height, tile, columns, rows } = grid;
  const whole = [width, height, tile, columns, rows].every((value) => Number.isSafeInteger(value) && value >= 1);
  const covers = (size: number, count: number): boolean =>
    count * tile >= size && (count === 1 || count <= size - tile + 1);
  if (whole && covers(width, columns) && covers(height, rows)) return;
  throw new RevqError(
    "tile-grid",
    `${columns} x ${rows} tiles of ${tile} pixels do not make an image of ${width} x ${height}.`,
    { fix: "Use the grid that was stored with the ids." },
  );
}

/**
 * Number of tiles of one image.
 *
 * @example
 * tileCount(planTiles(640, 480, 256)); // => 9
 */
export function tileCount({ columns, rows }: TileGrid): number {
  return columns * rows;
}

/**
 * First pixel of each tile along an axis of `size` pixels. A single tile begins at 0 and may be
 * larger than the image.
 *
 * @example
 * tileOffsets(640, 256, 3); // => [0, 192, 384]
 */
export function tileOffsets(size: number, tile: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => (count === 1 ? 0 : Math.round((i * (size - tile)) / (count - 1))));
}

/**
 * Copies tile `index` of an image `[height, width, 3]` to `out` `[tile, tile, 3]`. Beyond the image
 * it repeats the last pixels.
 */
export function cutTile(pixels: Float32Array, grid: TileGrid, index: number, out: Float32Array): void {
  const { width, height, tile } = grid;
  const { x, y } = tileOrigin(grid, index);
  const inside = Math.min(tile, width - x);
  for (let row = 0; row < tile; row++) {
    const from = (Math.min(y + row, height - 1) * width + x) * 3;
    const to = row * tile * 3;
    out.set(pixels.subarray(from, from + inside * 3), to);
    for (let column = inside; column < tile; column++) {
      out.copyWithin(to + column * 3, to + (inside - 1) * 3, to + inside * 3);
    }
  }
}

/** Blends decoded tiles into an image, in any order. */
export class TileBlender {
  /** `[height, width, 3]`; complete when every tile was added. */
  readonly pixels: Float32Array;
  private readonly across: readonly Float32Array[];
  private readonly down: readonly Float32Array[];

  constructor(private readonly grid: TileGrid) {
    const { width, height, tile, columns, rows } = grid;
    this.pixels = new Float32Array(width * height * 3);
    this.across = seamWeights(tileOffsets(width, tile, columns), tile);
    this.down = seamWeights(tileOffsets(height, tile, rows), tile);
  }

  /** @param tilePixels tile `index`, `[tile, tile, 3]` */
  add(index: number, tilePixels: Float32Array): void {
    const { width, height, tile, columns } = this.grid;
    const { x, y } = tileOrigin(this.grid, index);
    const across = this.across[index % columns]!;
    const down = this.down[Math.floor(index / columns)]!;
    const visibleRows = Math.min(tile, height - y);
    const visibleColumns = Math.min(tile, width - x);
    for (let row = 0; row < visibleRows; row++) {
      let from = row * tile * 3;
      let to = ((y + row) * width + x) * 3;
      for (let column = 0; column < visibleColumns; column++) {
        const weight = down[row]! * across[column]!;
        for (let channel = 0; channel < 3; channel++) {
          this.pixels[to] = this.pixels[to]! + weight * tilePixels[from]!;
          from++;
          to++;
        }
      }
    }
  }
}

/**
 * Weights of each tile's pixels along one axis. Where a tile overlaps the one before, it fades in
 * linearly from 0 at its first pixel, and the earlier one fades out. The weights of all tiles add
 * up to 1 everywhere.
 */
function seamWeights(offsets: readonly number[], tile: number): Float32Array[] {
  const fadeIn = (index: number, pixel: number): number => {
    if (index === 0) return 1;
    const extent = offsets[index - 1]! + tile - offsets[index]!;
    return extent <= 0 ? 1 : Math.min(1, (pixel - offsets[index]!) / extent);
  };
  return offsets.map((offset, index) =>
    Float32Array.from({ length: tile }, (_, k) => {
      let weight = fadeIn(index, offset + k);
      for (let later = index + 1; later < offsets.length && offsets[later]! <= offset + k; later++) {
        weight *= 1 - fadeIn(later, offset + k);
      }
      return weight;
    }),
  );
}

function tileOrigin({ width, height, tile, columns, rows }: TileGrid, index: number): { x: number; y: number } {
  return {
    x: tileOffsets(width, tile, columns)[index % columns]!,
    y: tileOffsets(height, tile, rows)[Math.floor(index / columns)]!,
  };
}
