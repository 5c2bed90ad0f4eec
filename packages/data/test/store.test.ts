import { createRandom, latentSize } from "@revq/core";
import {
  beginStore,
  finishedShard,
  joinStore,
  mergeStores,
  openLatents,
  openLatentStore,
  planStore,
  writeShard,
  type ListedImage,
  type StorePlan,
} from "@revq/data";
import { openSafetensors } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { createHash } from "node:crypto";
import { cp, mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readPlan } from "../src/store/plan.js";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "revq-store-"));
});
afterEach(() => rm(root, { recursive: true }));

const shape = { channels: 2, height: 3, width: 2 };
const size = latentSize(shape);
const images: ListedImage[] = Array.from({ length: 10 }, (_, i) => ({ name: `a\tb/${i}.jpg`, bytes: 100 + i }));
/** Value k of latent n is n + k / 100: exact in float16 after rounding, told apart in float32. */
const row = (n: number): Float32Array => Float32Array.from({ length: size }, (_, k) => n + k / 100);
const rows = (from: number, to: number): Float32Array =>
  Float32Array.from({ length: (to - from) * size }, (_, i) => row(from + Math.floor(i / size))[i % size]!);

function plan(changes: Partial<Parameters<typeof planStore>[0]> = {}): StorePlan {
  return planStore({
    key: { backbone: { id: "linear", fingerprint: "f" }, imageSize: 8 },
    latentShape: [2, 3, 2],
    dtype: "F32",
    source: "photos",
    images,
    imagesPerShard: 4,
    ...changes,
  });
}

async function fill(folder: string, given: StorePlan, shards: readonly number[] = [0, 1, 2]): Promise<void> {
  await beginStore(folder, given, images);
  for (const shard of shards) {
    const [from, to] = [shard * 4, Math.min(10, shard * 4 + 4)];
    const names = images.slice(from, to).map(({ name }) => name);
    await writeShard(folder, given, shard, { rows: rows(from, to), names, skipped: [] });
  }
}

describe("a latent store", () => {
  it.each([1e9, 0])("gives back its latents in any order (memory limit %d)", async (memoryLimit) => {
    await fill(root, plan());
    await joinStore(root, { verify: true });
    const store = await openLatentStore(root, { memoryLimit });
    expect([store.count, store.shape]).toEqual([10, shape]);
    const order = createRandom(1).permutation(10);
    const read = await store.read(order);
    order.forEach((n, i) => expect(read.slice(i * size, (i + 1) * size)).toEqual(row(n)));
    expect(await store.read([3, 4, 5, 6, 7, 8, 9])).toEqual(rows(3, 10));
    expect(await store.namesOf(2)).toEqual(["a\tb/8.jpg", "a\tb/9.jpg"]);
    expect((await openLatents(root)).count).toBe(10);
  });

  it("has shards that other tools read: [n, c, h, w], with their sha256 in the manifest", async () => {
    await fill(root, plan());
    const { files } = await joinStore(root);
    expect(files.map(({ file }) => file)).toEqual([0, 1, 2].map((i) => `latents-0000${i}-of-00003.safetensors`));
    const bytes = await readFile(join(root, files[1]!.file));
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(files[1]!.sha256);
    const { shape: onDisk, data } = await (
      await openSafetensors(await fromFile(join(root, files[0]!.file)))
    ).read("latents");
    expect(onDisk).toEqual([4, 2, 3, 2]);
    // channel 0 of latent 0: elements 0, 2, 4, … of [h, w, c]
    expect(Array.from(data.slice(0, 6) as Float32Array)).toEqual([0, 2, 4, 6, 8, 10].map((k) => row(0)[k]));
  });

  it("keeps float16 to its rounding", async () => {
    await fill(root, plan({ dtype: "F16" }));
    await joinStore(root);
    const read = await (await openLatentStore(root, { memoryLimit: 0 })).read([7]);
    read.forEach((value, k) => expect(Math.abs(value - row(7)[k]!)).toBeLessThanOrEqual(2 ** -9));
  });

  it("is the same bytes whoever writes it, in whatever order", async () => {
    await fill(join(root, "a"), plan());
    await fill(join(root, "b"), plan(), [2, 0]);
    await fill(join(root, "b"), plan(), [1, 2]);
    await joinStore(join(root, "a"));
    await joinStore(join(root, "b"));
    for (const name of await readdir(join(root, "a"))) {
      expect(await readFile(join(root, "b", name))).toEqual(await readFile(join(root, "a", name)));
    }
  });

  it("is rid of what killed processes left when it is joined", async () => {
    await fill(root, plan());
    const left = [0, 1].map((i) => `.latents-0000${i}-of-00003.safetensors.0a1b2c3d.tmp`);
    for (const name of left) await writeFile(join(root, name), "half");
    const old = Date.now() / 1000 - 3600;
    await utimes(join(root, left[0]!), old, old);
    await joinStore(root);
    // The young one may be another process's that writes the same shard at this moment.
    expect((await readdir(root)).filter((name) => name.startsWith("."))).toEqual([left[1]]);
  });

  it.each(["F32", "F16"] as const)("knows mean and variance of its latents (%s) as numpy would", async (dtype) => {
    await fill(root, plan({ dtype }));
    await joinStore(root);
    const store = await openLatentStore(root, { memoryLimit: 0 });
    const { count, mean, squares } = (await store.moments!())!;
    expect(count).toBe(10);
    const size = mean.length;
    const values = await store.read(Array.from({ length: count }, (_, i) => i));
    for (let k = 0; k < size; k++) {
      const column = Array.from({ length: count }, (_, i) => values[i * size + k]!);
      const average = column.reduce((sum, value) => sum + value, 0) / count;
      expect(mean[k]).toBeCloseTo(average, 12);
      expect(squares[k]).toBeCloseTo(
        column.reduce((sum, value) => sum + (value - average) ** 2, 0),
        10,
      );
    }
  });

  it("goes without the images that could not be read", async () => {
    await beginStore(root, plan(), images);
    const skipped = images.slice(0, 4).map(({ name }) => ({ name, reason: "broken" }));
    await writeShard(root, plan(), 0, { rows: new Float32Array(0), names: [], skipped });
    await writeShard(root, plan(), 1, { rows: rows(5, 7), names: ["x", "y"], skipped: [] });
    await writeShard(root, plan(), 2, { rows: new Float32Array(0), names: [], skipped: [] });
    expect(await joinStore(root)).toMatchObject({ latents: 2, skipped: 4 });
    for (const memoryLimit of [1e9, 0]) {
      expect(await (await openLatentStore(root, { memoryLimit })).read([0, 1])).toEqual(rows(5, 7));
    }
  });
});

describe("parts in folders of their own", () => {
  const parts = (): string[] => [join(root, "a"), join(root, "b")];

  it("merge into the store that one process makes, shards in both once", async () => {
    const [a, b] = parts() as [string, string];
    await fill(join(root, "whole"), plan());
    await fill(a, plan(), [0, 2]);
    await fill(b, plan({ source: "/mnt/photos" }), [1, 2]);
    await mergeStores([a, b], join(root, "joined"));
    await joinStore(join(root, "joined"), { verify: true });
    await joinStore(join(root, "whole"));
    for (const name of await readdir(join(root, "whole"))) {
      expect(await readFile(join(root, "joined", name))).toEqual(await readFile(join(root, "whole", name)));
    }
  });

  it("do not merge when one is of another extraction, or a shard differs", async () => {
    const [a, b] = parts() as [string, string];
    await fill(a, plan());
    await fill(b, plan({ dtype: "F16" }));
    await expect(mergeStores([a, b], join(root, "joined"))).rejects.toMatchObject({ code: "store-mixed" });
    await rm(b, { recursive: true });
    await beginStore(b, plan(), images);
    await writeShard(b, plan(), 1, { rows: rows(0, 4), names: ["p", "q", "r", "s"], skipped: [] });
    await expect(mergeStores([a, b], join(root, "joined"))).rejects.toThrow(/Shard 1 .* differs/);
  });

  it("are missing a shard", async () => {
    const [a, b] = parts() as [string, string];
    await fill(a, plan(), [0]);
    await fill(b, plan(), [2]);
    await mergeStores([a, b], join(root, "joined"));
    await expect(joinStore(join(root, "joined"))).rejects.toThrow(/missing \(1\)/);
  });
});

describe("what is wrong with a store shows", () => {
  const joined = (): Promise<unknown> => joinStore(root, { verify: true });

  it("a missing shard", async () => {
    await fill(root, plan(), [0, 2]);
    await expect(joined()).rejects.toThrow(/1 of 3 shards are missing \(1\)/);
    await expect(openLatentStore(root)).rejects.toMatchObject({ code: "store-unfinished" });
  });

  it("a shard that is cut off, or changed", async () => {
    await fill(root, plan());
    const path = join(root, "latents-00001-of-00003.safetensors");
    const bytes = await readFile(path);
    bytes[bytes.length - 3]! ^= 4;
    await writeFile(path, bytes);
    await expect(joined()).rejects.toThrow(/content has changed since it was written/);
    await joinStore(root);
    await truncate(path, bytes.length - 1);
    await expect(joined()).rejects.toThrow(/bytes of/);
    await expect(openLatentStore(root)).rejects.toMatchObject({ code: "store-damaged" });
    expect(await finishedShard(root, plan(), 1)).toBeNull();
    expect(await finishedShard(root, plan(), 0)).toMatchObject({ latents: 4 });
  });

  it("shards of another extraction", async () => {
    await fill(root, plan());
    const other = plan({ key: { backbone: "other" } });
    await fill(join(root, "other"), other);
    await cp(join(root, "other", "latents-00001-of-00003.json"), join(root, "latents-00001-of-00003.json"));
    await expect(joined()).rejects.toMatchObject({ code: "store-mixed" });
    await rm(join(root, "latents-00001-of-00003.json"));
    await writeFile(join(root, "latents-00000-of-00007.safetensors"), "");
    await expect(joined()).rejects.toThrow(/latents-00000-of-00007/);
  });

  it("going on with other images or another backbone", async () => {
    await fill(root, plan(), [0]);
    const changed = images.map((image, i) => (i === 3 ? { ...image, bytes: 7 } : image));
    await expect(beginStore(root, plan({ images: changed }), changed)).rejects.toThrow(/had 103 bytes, has 7/);
    const fewer = images.slice(1);
    await expect(beginStore(root, plan({ images: fewer }), fewer)).rejects.toThrow(/10 then, 9 now/);
    await expect(beginStore(root, plan({ dtype: "F16" }), images)).rejects.toThrow(/dtype was "F32", is "F16"/);
    await beginStore(root, plan(), images);
  });

  it("a folder that is none, and a plan that is damaged", async () => {
    await expect(openLatentStore(root)).rejects.toMatchObject({ code: "not-a-store" });
    for (const text of ["{", "[]", '{"formatVersion": 9}', "null"]) {
      await writeFile(join(root, "plan.json"), text);
      await expect(readPlan(root)).rejects.toMatchObject({ code: "store-damaged" });
    }
  });
});
