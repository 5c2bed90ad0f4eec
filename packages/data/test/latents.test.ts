import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inMemoryLatents, openLatentsNpy, writeLatentsNpy } from "@revq/data";
import { readNpyFloat32, writeNpy } from "@revq/formats";

const shared = join(process.env["REVQ_SHARED"] ?? resolve("../shared"), "data/latents");
const shape = { channels: 2, height: 3, width: 2 };
/** Two latents; value = 100 n + 10 c + 2 y + x, channel-last. */
const rows = Float32Array.from({ length: 24 }, (_, i) => {
  const [n, y, x, c] = [Math.floor(i / 12), Math.floor((i % 12) / 4), Math.floor((i % 4) / 2), i % 2];
  return 100 * n! + 10 * c! + 2 * y! + x!;
});
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "revq-latents-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("latents", () => {
  it("lie channel-first in the file and channel-last in memory", async () => {
    const path = join(folder, "new/folder/latents.npy");
    await writeLatentsNpy(path, inMemoryLatents(shape, rows));
    const onDisk = await readNpyFloat32(await readFile(path));
    expect(onDisk.shape).toEqual([2, 2, 3, 2]);
    expect([...onDisk.data.slice(0, 12)]).toEqual([0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15]);
    for (const memoryLimit of [1e9, 0]) {
      const source = await openLatentsNpy(path, { memoryLimit });
      expect([source.shape, source.count]).toEqual([shape, 2]);
      expect([...(await source.read([1, 0, 1]))]).toEqual([...rows.slice(12), ...rows]);
      expect(await source.read([])).toHaveLength(0);
      await expect(source.read([2])).rejects.toThrow("There is no latent 2");
    }
    expect(await readdir(join(folder, "new/folder"))).toEqual(["latents.npy"]);
  });

  it("leave nothing behind when a source fails halfway", async () => {
    const source = { ...inMemoryLatents(shape, rows), read: () => Promise.reject(new Error("no disk")) };
    await expect(writeLatentsNpy(join(folder, "half/latents.npy"), source)).rejects.toThrow("no disk");
    expect(await readdir(join(folder, "half"))).toEqual([]);
  });

  it.each([
    ["three axes", writeNpy({ shape: [2, 3, 4], data: new Float32Array(24) }), "latents-shape"],
    ["nothing in it", writeNpy({ shape: [0, 2, 3, 4], data: new Float32Array(0) }), "latents-shape"],
    ["integers", writeNpy({ shape: [1, 2, 3, 4], data: new Int32Array(24) }), "latents-dtype"],
    ["NaN", writeNpy({ shape: [1, 2, 3, 4], data: new Float32Array(24).fill(NaN, 5, 6) }), "latents-not-finite"],
    ["text", new TextEncoder().encode("latents?"), "text-instead-of-data"],
  ])("refuse a file with %s", async (_, bytes, code) => {
    const path = join(folder, "bad.npy");
    await writeFile(path, bytes);
    await expect(openLatentsNpy(path)).rejects.toMatchObject({ code });
  });

  it("refuse an array that is not a whole number of latents", () => {
    expect(() => inMemoryLatents(shape, rows.subarray(1))).toThrow(/23 elements are not a whole number/);
    expect(() => inMemoryLatents(shape, new Float32Array(0))).toThrow(/not a whole number/);
  });

  it.skipIf(!existsSync(shared))(
    "open the shared float16 and float32 files (needs ../shared/data/latents)",
    async () => {
      const train = await openLatentsNpy(join(shared, "train.f16.npy"));
      const val = await openLatentsNpy(join(shared, "val.npy"));
      expect([train.count, val.count]).toEqual([8000, 100]);
      expect(train.shape).toEqual({ channels: 32, height: 8, width: 8 });
      // The mean over all latents, per dimension in (c, y, x) order, was computed by others.
      const expected = (await readNpyFloat32(await readFile(join(shared, "train_mean.npy")))).data;
      const all = await train.read(Array.from({ length: 8000 }, (_, i) => i));
      const mean = new Float64Array(2048);
      all.forEach((value, i) => (mean[i % 2048]! += value / 8000));
      for (const [c, y, x] of [
        [0, 0, 0],
        [31, 7, 7],
        [5, 2, 6],
      ] as const) {
        expect(mean[(y * 8 + x) * 32 + c]).toBeCloseTo(expected[c * 64 + y * 8 + x]!, 3);
      }
    },
  );
});
