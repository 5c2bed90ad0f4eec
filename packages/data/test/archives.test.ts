import { isRevqError } from "@revq/core";
import { decodeImage, encodePng, openImages } from "@revq/data";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expandBraces } from "../src/images/find/braces.js";

const size = 8;
/** Image i is of one colour. */
const png = (i: number): Promise<Uint8Array> =>
  encodePng({ width: size, height: size, pixels: new Uint8Array(size * size * 3).fill(20 * i) });
const hasTar = ((): boolean => {
  try {
    return execFileSync("tar", ["--version"]).length > 0;
  } catch {
    return false;
  }
})();
const longName = `${"deep/".repeat(30)}${"n".repeat(90)}.png`;
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "revq-archives-"));
  const images = join(folder, "images");
  await mkdir(join(images, longName, ".."), { recursive: true });
  for (let i = 0; i < 5; i++) await writeFile(join(images, `00${i}.png`), await png(i));
  for (let i = 0; i < 5; i++) await writeFile(join(images, `00${i}.cls`), String(i));
  await writeFile(join(images, longName), await png(5));
  await writeFile(join(images, "006.jpg"), "no picture");
  if (!hasTar) return;
  for (const format of ["gnu", "posix", "ustar"]) {
    const names = ["000.cls", "000.png", "001.png", "002.png", ...(format === "ustar" ? [] : [longName]), "006.jpg"];
    execFileSync("tar", [`--format=${format}`, "-C", images, "-cf", join(folder, `${format}.tar`), ...names]);
  }
  await mkdir(join(folder, "shards"));
  execFileSync("tar", ["-C", images, "-cf", join(folder, "shards", "train-00.tar"), "000.png", "001.png"]);
  execFileSync("tar", ["-C", images, "-cf", join(folder, "shards", "train-01.tar"), "002.png", "003.png"]);
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

/** Names and the value of each image's first pixel, 0 to 255. */
async function all(spec: string, options: { limit?: number } = {}): Promise<[string, number][]> {
  const source = await openImages(spec, { size, ...options });
  const found: [string, number][] = [];
  for await (const { names, pixels } of source.batches(2)) {
    names.forEach((name, i) => found.push([name, Math.round((pixels[i * size * size * 3]! + 1) * 127.5)]));
  }
  return found;
}

describe.skipIf(!hasTar)("images in tar archives, as GNU tar writes them", () => {
  it.each(["gnu", "posix", "ustar"])("format %s", async (format) => {
    const names: [string, number][] = [0, 1, 2].map((i) => [`${format}.tar/00${i}.png`, 20 * i]);
    if (format !== "ustar") names.push([`${format}.tar/${longName}`, 100]);
    expect(await all(join(folder, `${format}.tar`))).toEqual(names);
  });

  it("lists what is broken in it, and knows the files' sizes", async () => {
    const source = await openImages(join(folder, "gnu.tar"), { size });
    for await (const _ of source.batches(8));
    expect(source.skipped).toEqual([{ name: "gnu.tar/006.jpg", reason: expect.stringMatching(/looks like text/) }]);
    expect((await source.sizes())[0]).toBe((await png(0)).length);
  });

  it("reads a folder of shards, or shards by braces, in order", async () => {
    const expected = [0, 1, 2, 3].map((i) => [`train-0${Math.floor(i / 2)}.tar/00${i}.png`, 20 * i]);
    expect(await all(join(folder, "shards"))).toEqual(expected);
    expect(await all(join(folder, "shards", "train-{00..01}.tar"))).toEqual(expected);
    expect(await all(join(folder, "shards"), { limit: 3 })).toEqual(expected.slice(0, 3));
  });

  it("says what is wrong with an archive that is cut off or none", async () => {
    const path = join(folder, "cut.tar");
    await writeFile(path, await readFile(join(folder, "gnu.tar")));
    await truncate(path, 1024 + 540); // inside its first image
    await expect(all(path)).rejects.toMatchObject({ code: "tar-truncated" });
    await writeFile(path, Buffer.alloc(2048, "not a tar"));
    await expect(all(path)).rejects.toMatchObject({ code: "tar-checksum" });
    await writeFile(path, Buffer.alloc(1024));
    await expect(all(path)).rejects.toMatchObject({ code: "data-no-images" });
    await expect(all(join(folder, "gone.tar"))).rejects.toMatchObject({ code: "file-not-found" });
  });

  it("meets mutated archives with errors of its own or skipped images only", async () => {
    const original = await readFile(join(folder, "posix.tar"));
    const path = join(folder, "mutated.tar");
    for (let seed = 0; seed < 60; seed++) {
      const bytes = Buffer.from(original);
      for (let i = 0; i < 4; i++) bytes[(seed * 7919 + i * 104729) % 4096] = (seed * 31 + i * 17) % 256;
      await writeFile(path, bytes);
      await all(path).catch((error: unknown) => expect(isRevqError(error), String(error)).toBe(true));
    }
  });

  it("reads shards behind a URL by ranges", async () => {
    const bytes = await readFile(join(folder, "gnu.tar"));
    const server: Server = createServer((request, response) => {
      const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? [];
      const end = Math.min(Number(to), bytes.length - 1);
      response.writeHead(206, { "content-range": `bytes ${from}-${end}/${bytes.length}` });
      response.end(bytes.subarray(Number(from), end + 1));
    });
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    const { port } = server.address() as AddressInfo;
    try {
      expect((await all(`http://127.0.0.1:${port}/a/gnu.tar`)).map(([, value]) => value)).toEqual([0, 20, 40, 100]);
    } finally {
      server.close();
    }
  });
});

describe("images in Parquet files, as pyarrow writes them", () => {
  const fixture = (name: string): string => join(import.meta.dirname, "fixtures", name);

  it.each(["records.parquet", "bytes.parquet"])("%s", async (name) => {
    const expected = [0, 1, 2, 3, 4].map((i) => [`${name}/0000000${i}`, 20 * i]);
    expect(await all(fixture(name))).toEqual(expected);
  });

  it("lists rows without an image", async () => {
    const source = await openImages(fixture("records.parquet"), { size });
    for await (const _ of source.batches(8));
    expect(source.skipped.map(({ name }) => name)).toEqual(["records.parquet/00000005"]);
  });

  it("says what is wrong with a file that is none, or has no images", async () => {
    await expect(all(fixture("words.parquet"))).rejects.toThrow(/its columns are word/);
    const path = join(folder, "damaged.parquet");
    await writeFile(path, "no parquet at all");
    await expect(all(path)).rejects.toMatchObject({ code: "parquet-damaged" });
  });
});

describe("braces", () => {
  it("count with the width of the first number, several after each other", () => {
    expect(expandBraces("a-{08..11}.tar")).toEqual(["a-08.tar", "a-09.tar", "a-10.tar", "a-11.tar"]);
    expect(expandBraces("{0..1}/{0..1}.tar").sort()).toEqual(["0/0.tar", "0/1.tar", "1/0.tar", "1/1.tar"]);
    expect(() => expandBraces("a-{5..1}.tar")).toThrow(/is not a range/);
    // 1.6 million names, which would take seconds and hundreds of megabytes.
    expect(() => expandBraces("{a,b}".repeat(4) + "-{0..9}".repeat(5))).toThrow(/at most 300,000 files/);
  });
});

it("decodes what the fixtures hold", async () => {
  expect((await decodeImage(await png(3))).data[0]).toBe(60);
});
