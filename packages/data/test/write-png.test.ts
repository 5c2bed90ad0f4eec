import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodePng, imageGrid, writePng } from "@revq/data";
import { procedural } from "./procedural.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "revq-png-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("writePng", () => {
  it("keeps 8-bit pixels and rounds floats of [-1, 1]", async () => {
    const { data, width, height } = procedural(7, 5);
    const path = join(folder, "deep/er/x.png");
    await writePng(path, { width, height, pixels: Float32Array.from(data, (v) => v / 127.5 - 1) });
    const { data: read, info } = await sharp(await readFile(path))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([7, 5, 3]);
    expect(new Uint8Array(read)).toEqual(data);
    expect(await encodePng({ width, height, pixels: data })).toEqual(await readFile(path));
    expect(await readdir(join(folder, "deep/er"))).toEqual(["x.png"]);
  });

  it("refuses pixels of another size", async () => {
    await expect(encodePng({ width: 2, height: 2, pixels: new Uint8Array(3) })).rejects.toThrow(
      "needs 12 values, got 3",
    );
  });
});

describe("imageGrid", () => {
  const grey = (value: number) => new Float32Array(4 * 4 * 3).fill(value);

  it("lays rows out with gaps; missing images stay white", () => {
    const { width, height, pixels } = imageGrid([[grey(-1), grey(1)], [grey(0)]], 4, { gap: 1 });
    expect([width, height]).toEqual([11, 11]);
    const at = (x: number, y: number) => pixels[(y * width + x) * 3];
    expect([at(0, 0), at(1, 1), at(4, 4), at(5, 1), at(6, 1), at(1, 6), at(6, 6)]).toEqual([
      255, 0, 0, 255, 255, 128, 255,
    ]);
  });

  it("draws captions above the columns, within them", () => {
    const plain = imageGrid([[new Float32Array(64 * 64 * 3)]], 64);
    const captioned = imageGrid([[new Float32Array(64 * 64 * 3)]], 64, { labels: ["il: a caption too long"] });
    expect(captioned.height).toBe(plain.height + 20);
    const row = (y: number) => captioned.pixels.subarray(y * captioned.width * 3, (y + 1) * captioned.width * 3);
    const dark = Array.from({ length: 20 }, (_, y) => row(y).filter((v) => v < 128).length);
    expect(dark.some((count) => count > 0)).toBe(true);
    for (let y = 0; y < 20; y++)
      expect(
        row(y)
          .subarray(-4 * 3)
          .every((v) => v === 255),
      ).toBe(true);
  });
});
