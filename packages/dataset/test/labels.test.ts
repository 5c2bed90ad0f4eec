/** Labels and captions from folders, members of tars and columns of Parquet. */
import { openImages, openSynthetic, encodePng } from "@revq/data";
import { parquetWriteBuffer } from "hyparquet-writer";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { tarArchive } from "../src/formats/tar.js";
import { openCaptions, openLabels } from "../src/index.js";
import { folderOf } from "../src/labels/folder.js";
import { temporaryFolder } from "./job.js";

const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true }));
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
let png: Uint8Array;
beforeAll(async () => {
  for await (const { pixels } of openSynthetic("synthetic:dead-leaves", { size: 8, count: 1 }).batches(1))
    png = await encodePng({ width: 8, height: 8, pixels });
});

async function read(
  path: string | readonly string[],
  source: Parameters<typeof openLabels>[1] = "auto",
  column?: string,
) {
  const images = await openImages(path, { size: 8 });
  const labels = await openLabels(images, source, column);
  const captions = openCaptions(images);
  const all = <T>(of: ((index: number) => Promise<T>) | undefined) =>
    of ? Promise.all(images.names.map((_, index) => of(index))) : null;
  return {
    labels,
    numbers: await all(labels?.of),
    captions: await all(captions ?? undefined),
    passed: images.passedOver,
  };
}

it("takes the folder that an image lies in; an archive is none", () => {
  expect(["a/b/1.png", "b/x.y.png", "1.png", "t.tar/1.png", "t.tar/b/1.png", "t.parquet/00"].map(folderOf)).toEqual([
    "b",
    "b",
    null,
    null,
    "b",
    null,
  ]);
});

it("numbers folders by their names in bytes", async () => {
  for (const name of ["b", "a", "B"]) {
    mkdirSync(join(folder, "photos", name), { recursive: true });
    writeFileSync(join(folder, "photos", name, "1.png"), png);
  }
  writeFileSync(join(folder, "photos/a/1.txt"), "a caption \n");
  const { labels, numbers, captions, passed } = await read(join(folder, "photos"));
  expect(labels).toMatchObject({ source: "folder", names: ["B", "a", "b"] });
  expect(numbers).toEqual([0, 1, 2]);
  expect(captions).toEqual([null, "a caption", null]);
  expect(passed).toBe(1);
  expect((await read(join(folder, "photos/a"))).labels).toBeNull();
  await expect(read(join(folder, "photos/a"), "folder")).rejects.toThrow(/1\.png has no label: it lies in no folder/);
  expect((await read(join(folder, "photos"), "none")).labels).toBeNull();
});

it("takes the text of an image's own name where several images have one key", async () => {
  const path = join(folder, "dots");
  mkdirSync(path);
  const images = ["scan.a.png", "shot.1.png", "shot.2.png"];
  const captions = { "shot.1.txt": "one", "shot.2.txt": "two", "scan.txt": "of the key" };
  for (const name of images) writeFileSync(join(path, name), png);
  for (const [name, caption] of Object.entries(captions)) writeFileSync(join(path, name), caption);
  expect((await read(path)).captions).toEqual(["of the key", "one", "two"]);
  const members = images.map((name) => ({ name, data: png }));
  const textMembers = Object.entries(captions).map(([name, caption]) => ({ name, data: text(caption) }));
  writeFileSync(join(folder, "dots.tar"), tarArchive([...members, ...textMembers]));
  expect((await read(join(folder, "dots.tar"))).captions).toEqual(["of the key", "one", "two"]);
});

it("reads .cls and .txt members with the key of an image, before it or behind it", async () => {
  const path = join(folder, "train.tar");
  const members = ["a.x", "b", "c"].flatMap((key, i) => [
    { name: `${key.split(".")[0]}.cls`, data: text(`${7 - i}\n`) },
    { name: `${key}.png`, data: png },
    ...(i === 1 ? [] : [{ name: `${key.split(".")[0]}.txt`, data: text(`caption ${i}`) }]),
  ]);
  writeFileSync(path, tarArchive(members));
  const { labels, numbers, captions } = await read(path);
  expect(labels).toMatchObject({ source: "member", names: null });
  expect(numbers).toEqual([7, 6, 5]);
  expect(captions).toEqual(["caption 0", null, "caption 2"]);
  const limited = await openImages(path, { size: 8, limit: 1 });
  expect(limited.count).toBe(1);
  expect(await limited.beside(0).txt!()).toBe("caption 0");
  writeFileSync(
    path,
    tarArchive([
      { name: "a.png", data: png },
      { name: "a.cls", data: text("cat") },
    ]),
  );
  await expect(read(path)).rejects.toThrow(/its \.cls holds "cat"/);
});

it("reads columns of classes, integers and strings", async () => {
  const images = { name: "image", data: [png, png, png], type: "BYTE_ARRAY" as const };
  const features = { label: { names: ["x", "y", "z"], _type: "ClassLabel" } };
  const path = join(folder, "train.parquet");
  const bytes = parquetWriteBuffer({
    columnData: [
      images,
      { name: "label", data: [2n, 0n, 2n], type: "INT64" },
      { name: "kind", data: ["no", "É", "no"], type: "STRING" },
      { name: "caption", data: ["one", null, "three"], type: "STRING" },
    ],
    kvMetadata: [{ key: "huggingface", value: JSON.stringify({ info: { features } }) }],
  });
  writeFileSync(path, new Uint8Array(bytes));
  const { labels, numbers, captions } = await read(path);
  expect(labels).toMatchObject({ source: "column", column: "label", names: ["x", "y", "z"] });
  expect(numbers).toEqual([2, 0, 2]);
  expect(captions).toEqual(["one", null, "three"]);
  const strings = await read(path, "column", "kind");
  expect(strings.labels!.names).toEqual(["no", "É"]);
  expect(strings.numbers).toEqual([0, 1, 0]);
  await expect(read(path, "column", "other")).rejects.toThrow(/no column other.*label, kind, caption/);
  const images2 = await openImages(path, { size: 8 });
  await expect((await openLabels(images2, "member"))!.of(0)).rejects.toThrow(/there is no \.cls beside it/);
});

it("says why some images' labels are not used, and takes a named column by its word", async () => {
  const path = join(folder, "half");
  mkdirSync(join(path, "a"), { recursive: true });
  for (const name of ["a/1.png", "2.png"]) writeFileSync(join(path, name), png);
  writeFileSync(join(path, "2.cls"), "7");
  const notes: string[] = [];
  const images = await openImages(path, { size: 8 });
  expect(await openLabels(images, "auto", undefined, (line) => notes.push(line))).toBeNull();
  expect(notes).toEqual([
    "Only 1 of 2 images have a .cls, so it gives no labels.",
    "No labels: 1 of 2 images lie in a folder that could be their class, the others do not.",
  ]);
  const table = parquetWriteBuffer({
    columnData: [
      { name: "image", data: [png], type: "BYTE_ARRAY" },
      { name: "mass", data: [0.5], type: "DOUBLE" },
    ],
  });
  writeFileSync(join(folder, "mass.parquet"), new Uint8Array(table));
  const rows = await openImages(join(folder, "mass.parquet"), { size: 8 });
  expect(await openLabels(rows, "auto", undefined, (line) => notes.push(line))).toBeNull();
  expect(notes[2]).toMatch(/^No labels: .*mass\.parquet has no column that is named like a label/);
  await expect(openLabels(rows, "auto", "mass")).rejects.toThrow(/mass\.parquet has no column mass/);
  await expect(openLabels(images, "auto", "mass")).rejects.toThrow(/is in no Parquet file/);
});

it("reads captions of other encodings", async () => {
  const path = join(folder, "encodings");
  mkdirSync(path);
  const captions = {
    a: Buffer.from("caf\u00e9"),
    b: Buffer.from("caf\u00e9", "latin1"),
    c: Buffer.from("\ufeffcaf\u00e9", "utf16le"),
    d: Buffer.from("\ufeffcaf\u00e9"),
    e: Buffer.from("\ufeffcaf\u00e9", "utf16le").swap16(),
  };
  for (const [name, data] of Object.entries(captions)) {
    writeFileSync(join(path, `${name}.png`), png);
    writeFileSync(join(path, `${name}.txt`), data);
  }
  const five = new Array(5).fill("caf\u00e9");
  expect((await read(path)).captions).toEqual(five);
  const members = Object.entries(captions).flatMap(([name, data]) => [
    { name: `${name}.png`, data: png },
    { name: `${name}.txt`, data: new Uint8Array(data) },
  ]);
  writeFileSync(join(folder, "encodings.tar"), tarArchive(members));
  expect((await read(join(folder, "encodings.tar"))).captions).toEqual(five);
});
