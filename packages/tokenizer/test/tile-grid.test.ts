import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { checkGrid, planTiles, tileCount, tileOffsets } from "../src/index.js";
import { cutTile, TileBlender } from "../src/tile-grid.js";

const imageOf = (width: number, height: number, value: (x: number, y: number) => number): Float32Array =>
  Float32Array.from({ length: width * height * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return value(pixel % width, Math.floor(pixel / width)) + (i % 3);
  });

describe("planTiles", () => {
  // diffusers' tiled_encode: range(0, size, 192) for a tile of 256 and an overlap of 0.25, without
  // tiles inside the last one.
  it.each([
    [256, 256, 1, 1],
    [257, 256, 2, 1],
    [448, 256, 2, 1],
    [449, 640, 3, 3],
    [100, 50, 1, 1],
    [1024, 768, 5, 4],
  ])("%d x %d -> %d x %d tiles", (width, height, columns, rows) => {
    expect(planTiles(width, height, 256)).toEqual({ width, height, tile: 256, columns, rows });
  });

  it("spreads the tiles evenly, from edge to edge, with at least the overlap", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 900 }),
        fc.integer({ min: 1, max: 64 }),
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        (size, tile, overlap) => {
          const { columns } = planTiles(size, size, tile, overlap);
          const offsets = tileOffsets(size, tile, columns);
          expect(offsets[0]).toBe(0);
          if (columns > 1) expect(offsets.at(-1)).toBe(size - tile);
          const stride = Math.max(1, Math.floor(tile * (1 - overlap)));
          for (let i = 1; i < columns; i++) {
            expect(offsets[i]! - offsets[i - 1]!).toBeGreaterThan(0);
            expect(offsets[i]! - offsets[i - 1]!).toBeLessThanOrEqual(stride);
          }
          checkGrid({ width: size, height: size, tile, columns, rows: columns });
        },
      ),
    );
  });

  it.each([
    [{ width: 0 }, "image-size"],
    [{ width: 1.5 }, "image-size"],
    [{ overlap: 1 }, "tile-overlap"],
    [{ overlap: Number.NaN }, "tile-overlap"],
  ])("refuses %j", (wrong, code) => {
    const { width, overlap } = { width: 10, overlap: 0.25, ...wrong };
    expect(() => planTiles(width, 10, 8, overlap)).toThrowError(expect.objectContaining({ code }));
  });

  it("refuses grids that leave holes", () => {
    const grid = { width: 100, height: 40, tile: 32, columns: 4, rows: 2 };
    checkGrid(grid);
    for (const wrong of [
      { columns: 3 },
      { rows: 1 },
      { columns: 70 },
      { rows: 0 },
      { width: 1e6 },
      { tile: Number.NaN },
    ]) {
      expect(() => checkGrid({ ...grid, ...wrong })).toThrowError(expect.objectContaining({ code: "tile-grid" }));
    }
  });
});

describe("tiles", () => {
  it("cut and blended again are the image", () => {
    for (const [width, height] of [
      [32, 32],
      [77, 50],
      [33, 120],
      [20, 40],
    ] as const) {
      const grid = planTiles(width, height, 32);
      const image = imageOf(width, height, (x, y) => Math.sin(x * 0.7) * Math.cos(y));
      const blender = new TileBlender(grid);
      const tile = new Float32Array(32 * 32 * 3);
      for (let index = tileCount(grid) - 1; index >= 0; index--) {
        cutTile(image, grid, index, tile);
        blender.add(index, tile);
      }
      const worst = image.reduce((max, value, i) => Math.max(max, Math.abs(value - blender.pixels[i]!)), 0);
      expect(worst).toBeLessThan(1e-6);
    }
  });

  it("repeat the last pixels beyond a small image", () => {
    const grid = planTiles(2, 1, 4);
    const tile = new Float32Array(4 * 4 * 3);
    cutTile(
      imageOf(2, 1, (x) => 10 * x),
      grid,
      0,
      tile,
    );
    const row = [0, 1, 2, 10, 11, 12, 10, 11, 12, 10, 11, 12];
    expect([...tile]).toEqual([...row, ...row, ...row, ...row]);
  });

  it("fade into each other linearly, as blend_h of diffusers", () => {
    // diffusers, over the overlap of 16: b[x] = a[x - extent] * (1 - x / extent) + b[x] * (x / extent)
    const grid = planTiles(48, 32, 32, 0.5);
    const blender = new TileBlender(grid);
    blender.add(0, new Float32Array(32 * 32 * 3).fill(1));
    blender.add(1, new Float32Array(32 * 32 * 3).fill(3));
    const line = Array.from({ length: 48 }, (_, x) => blender.pixels[x * 3]!);
    expect(line.slice(0, 17)).toEqual(new Array(17).fill(1));
    for (let x = 0; x < 16; x++) expect(line[16 + x]).toBeCloseTo(1 * (1 - x / 16) + 3 * (x / 16), 6);
    expect(line.slice(32)).toEqual(new Array(16).fill(3));
  });
});
