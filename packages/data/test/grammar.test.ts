/** What `openImages` takes, on files and a server made here. */
import { encodePng, openImages, type OpenImagesOptions } from "@revq/data";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { expandBraces } from "../src/images/find/braces.js";

const size = 8;
const cases = join(import.meta.dirname, "../../../test/fixtures/cases");
const fixtures = join(import.meta.dirname, "fixtures");
const png = await encodePng({ width: size, height: size, pixels: new Uint8Array(size * size * 3) });
let folder = "";
let server: Server;
let host = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "revq-grammar-"));
  for (const name of ["a/1.png", "a/2.png", "b/1.png", "{1..2}.png", "x.bin"]) {
    await mkdir(join(folder, name, ".."), { recursive: true });
    await writeFile(join(folder, name), png);
  }
  await mkdir(join(folder, "bytes"));
  for (const byte of [0xe8, 0xe9]) {
    await writeFile(Buffer.concat([Buffer.from(`${folder}/bytes/`), Buffer.of(byte), Buffer.from(".png")]), png);
  }
  await mkdir(join(folder, "shards"));
  await cp(join(cases, "hard-link.tar"), join(folder, "shards", "0.tar"));
  await writeFile(join(folder, "shards", "1.tar"), Buffer.alloc(2048, "broken"));
  const tar = await readFile(join(cases, "hard-link.tar"));
  server = createServer((request, response) => {
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? [];
    const last = Math.min(Number(to), tar.length - 1);
    response.writeHead(206, { "content-range": `bytes ${from}-${last}/${tar.length}` });
    response.end(tar.subarray(Number(from), last + 1));
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

async function names(spec: string | string[], options: Partial<OpenImagesOptions> = {}): Promise<string[]> {
  const inFolder = (one: string): string => (one.includes(":") ? one : join(folder, one));
  const source = await openImages(typeof spec === "string" ? inFolder(spec) : spec.map(inFolder), { size, ...options });
  const used: string[] = [];
  for await (const batch of source.batches(8)) used.push(...batch.names);
  expect(used.length + source.skipped.length + source.passedOver).toBe(source.found);
  return used;
}

it("takes files, arrays, braces, patterns; existing names win", async () => {
  expect(await names("a/1.png")).toEqual(["1.png"]);
  expect(await names("x.bin")).toEqual(["x.bin"]);
  expect(await names(["a/1.png", "b/1.png"])).toEqual(["a/1.png", "b/1.png"]);
  expect(await names(["a", "a/1.png"])).toEqual(["a/1.png", "a/2.png"]);
  expect(await names("{a,b}/1.png")).toEqual(["a/1.png", "b/1.png"]);
  expect(await names("*/?.png")).toEqual(["a/1.png", "a/2.png", "b/1.png"]);
  expect(await names("**/1.png")).toEqual(["a/1.png", "b/1.png"]);
  expect(await names("{1..2}.png")).toEqual(["{1..2}.png"]);
  expect(await names("bytes")).toEqual(["\\xE8.png", "\\xE9.png"]);
  expect(expandBraces("{a,{0..1}}-{x}.tar")).toEqual(["a-{x}.tar", "0-{x}.tar", "1-{x}.tar"]);
});

it("takes URLs by the extension in their path, or by content", async () => {
  expect(await names(`${host}/x%20y/h.tar?download=true&token=a%zz`)).toEqual(["h.tar/a.png", "h.tar/b.png"]);
  expect(await names(`${host}/100%.tar`)).toEqual(["100%.tar/a.png", "100%.tar/b.png"]);
  expect(await names(`${host}/{0..1}/h.tar`)).toHaveLength(4);
  expect(await names(`${host}/api/7?sig=1`)).toEqual(["7/a.png", "7/b.png"]);
});

it("refuses the rest in one line that says what is taken", async () => {
  for (const spec of ["s3://b/k.tar", "gs://b/k.tar", "pipe:cat x.tar", "a.tar::b.tar"]) {
    await expect(names(spec)).rejects.toMatchObject({ code: "data-not-taken", fix: expect.stringMatching(/^Name a/) });
  }
  await expect(names("none-*.tar")).rejects.toMatchObject({ code: "data-no-match" });
  await expect(names([])).rejects.toMatchObject({ code: "data-not-taken" });
});

it("names a broken shard, or skips and counts it", async () => {
  await expect(names("shards")).rejects.toThrow(/shards\/1\.tar/);
  expect(await names("shards", { skipBroken: true })).toEqual(["0.tar/a.png", "0.tar/b.png"]);
});

it.each([
  ["large-binary", 4, 0],
  ["list-of-binary", 4, 1],
  ["list-of-one", 2, 2],
  ["required", 4, 0],
  ["dictionary", 4, 1],
  ["delta", 4, 0],
  ["delta-length", 4, 0],
  ["pages", 160, 0],
  ["delta-page-1", 9, 3],
  ["delta-page-2", 9, 3],
  ["fixed-size", 3, 0],
])("reads %s.parquet as pyarrow wrote it", async (name, used, skipped) => {
  const source = await openImages(join(fixtures, `${name}.parquet`), { size });
  let read = 0;
  for await (const batch of source.batches(50)) read += batch.names.length;
  expect([read, source.skipped.length]).toEqual([used, skipped]);
});

it("reads a file beside the table, not one outside its folder", async () => {
  await cp(join(fixtures, "beside.parquet"), join(folder, "a", "beside.parquet"));
  await mkdir(join(folder, "a", "pictures"));
  await writeFile(join(folder, "a", "pictures", "a.png"), png);
  await writeFile(join(folder, "up.png"), png);
  expect(await names("a/beside.parquet")).toEqual(["beside.parquet/00000000"]);
});

it("asks which of several columns holds the images", async () => {
  await cp(join(fixtures, "two.parquet"), join(folder, "b", "two.parquet"));
  await expect(names("b")).rejects.toMatchObject({ code: "parquet-which-column" });
});

it("says of a column of names or base64 that it is text", async () => {
  await cp(join(fixtures, "text.parquet"), join(folder, "text.parquet"));
  await expect(names("text.parquet")).rejects.toMatchObject({
    code: "parquet-no-images",
    message: expect.stringMatching(/its column image is text/),
  });
});

it("names a data set of save_to_disk, with what to do", async () => {
  await cp(join(fixtures, "saved"), join(folder, "saved"), { recursive: true });
  await expect(names("saved")).rejects.toThrow(/data-00000-of-00001\.arrow: an Arrow file; write .* to_parquet/);
  await expect(names("saved/data-00000-of-00001.arrow")).rejects.toMatchObject({
    code: "data-arrow",
    fix: expect.stringMatching(/load_from_disk.*to_parquet/),
  });
  // A DatasetDict has no to_parquet: each of its splits is a saved data set.
  await mkdir(join(folder, "dict"));
  await writeFile(join(folder, "dict", "dataset_dict.json"), '{"splits": ["train", "test"]}');
  for (const split of ["train", "test"])
    await cp(join(fixtures, "saved"), join(folder, "dict", split), { recursive: true });
  for (const name of ["saved", "dict"])
    await expect(names(name)).rejects.toMatchObject({
      code: "data-no-images",
      fix: expect.stringMatching(/each folder with a state\.json.*load_from_disk\(FOLDER\)\.to_parquet/),
    });
});

it("looks at images that were named before anything is read", async () => {
  await writeFile(join(folder, "text.jpg"), "no picture");
  await expect(openImages([join(folder, "a"), join(folder, "text.jpg")], { size })).rejects.toMatchObject({
    code: "image-unreadable",
    message: expect.stringMatching(/text\.jpg cannot be read: .*looks like text/),
  });
});

it("tells how a data set of the hub is written", async () => {
  for (const spec of ["hf:owner/name", "hf:dataset/owner/name"])
    await expect(names(spec)).rejects.toMatchObject({
      code: "data-not-taken",
      fix: "A data set of the hub is written hf:datasets/owner/name.",
    });
});

it("skips the missing files of a list on request", async () => {
  await expect(names("shards/{0,2}.tar")).rejects.toMatchObject({ code: "file-not-found" });
  expect(await names("shards/{0,2}.tar", { skipBroken: true })).toEqual(["0.tar/a.png", "0.tar/b.png"]);
});
