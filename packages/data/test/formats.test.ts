/** Images in the formats that cameras and websites write, made with libvips. */
import { openImages } from "@revq/data";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { procedural } from "./procedural.js";

let base = "";
let folder = "";
let made = 0;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "revq-formats-"));
});
afterAll(() => rm(base, { recursive: true }));
beforeEach(async () => {
  folder = await mkdtemp(join(base, `${made++}-`));
});

const side = 32;
const { data: pixels } = procedural(side, side);
const picture = (): Sharp => sharp(pixels, { raw: { width: side, height: side, channels: 3 } });

/** Names and pixels `[n, side, side, 3]` in 0..255. */
async function read(size = side) {
  const source = await openImages(folder, { size });
  const images = new Map<string, Float32Array>();
  for await (const batch of source.batches(1))
    images.set(
      batch.names[0]!,
      batch.pixels.map((v) => (v + 1) * 127.5),
    );
  return { source, images };
}

/** An RGB image in a TIFF of one strip (TIFF 6.0, section 6), 16-bit integers or float32. */
function tiff(values: Uint16Array | Float32Array): Buffer {
  const long = 4;
  const entries = [
    [256, side],
    [257, side],
    [258, 8 * values.BYTES_PER_ELEMENT], // the same for all samples
    [259, 1],
    [262, 2],
    [273, 200],
    [277, 3],
    [278, side],
    [279, values.byteLength],
    [339, values instanceof Float32Array ? 3 : 1],
  ];
  const head = Buffer.alloc(200);
  head.write("II*\0\x08\0\0\0", "latin1");
  head.writeUInt16LE(entries.length, 8);
  for (const [i, [tag, value]] of entries.entries()) {
    head.writeUInt16LE(tag!, 10 + 12 * i);
    head.writeUInt16LE(long, 12 + 12 * i);
    head.writeUInt32LE(1, 14 + 12 * i);
    head.writeUInt32LE(value!, 18 + 12 * i);
  }
  return Buffer.concat([head, Buffer.from(values.buffer)]);
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

it("tiff, 8 and 16 bits, is read without loss; avif nearly", async () => {
  await writeFile(join(folder, "a.tif"), await picture().tiff({ compression: "lzw" }).toBuffer());
  await writeFile(join(folder, "b.tiff"), tiff(Uint16Array.from(pixels, (v) => v * 257)));
  await writeFile(join(folder, "c.avif"), await picture().avif({ lossless: true }).toBuffer());
  await writeFile(join(folder, "no-extension"), await picture().avif({ lossless: true }).toBuffer());
  const { images } = await read();
  expect([...images.keys()]).toEqual(["a.tif", "b.tiff", "c.avif", "no-extension"]);
  expect(largestDifference(images.get("a.tif")!, pixels)).toBeLessThan(0.01);
  expect(largestDifference(images.get("b.tiff")!, pixels)).toBeLessThanOrEqual(1.01);
  expect(largestDifference(images.get("c.avif")!, pixels)).toBeLessThanOrEqual(3.01);
});

it("of a gif the first frame is read, of a tiff the first page", async () => {
  const frame = (value: number): Buffer => Buffer.alloc(side * side * 3, value);
  const stack = Buffer.concat([frame(255), frame(0)]);
  const pages = { raw: { width: side, height: 2 * side, channels: 3 as const, pageHeight: side } };
  await writeFile(join(folder, "a.gif"), await sharp(stack, pages).gif().toBuffer());
  await writeFile(join(folder, "b.tif"), await sharp(stack, pages).tiff().toBuffer());
  const { images } = await read();
  for (const values of images.values()) expect(new Set(values)).toEqual(new Set([255]));
  expect(images.size).toBe(2);
});

it("raw, HEIC, BMP and values without a white are named with what to do", async () => {
  await writeFile(join(folder, "a.png"), await picture().png().toBuffer());
  await writeFile(join(folder, "b.NEF"), await picture().tiff().toBuffer());
  await writeFile(join(folder, "c.heic"), Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic", "latin1"));
  await writeFile(join(folder, "d.bmp"), Buffer.from("BM\0\0"));
  await writeFile(join(folder, "e.tif"), tiff(Float32Array.from(pixels, (v) => v / 255)));
  await writeFile(join(folder, "f.jxl"), Buffer.from("\xff\x0a\0\0", "latin1"));
  const { source } = await read();
  const reasons = Object.fromEntries(source.skipped.map(({ name, reason }) => [name, reason]));
  expect(reasons["b.NEF"]).toMatch(/raw file; convert it/);
  expect(reasons["c.heic"]).toMatch(/a HEIC; convert it to png or jpeg/);
  expect(reasons["d.bmp"]).toMatch(/a BMP; convert it/);
  expect(reasons["e.tif"]).toMatch(/its values are float/);
  expect(reasons["f.jxl"]).toMatch(/JPEG XL; convert it/);
  expect([source.found, source.count]).toEqual([6, 2]);
});

it("counts images that are enlarged, each once", async () => {
  await writeFile(join(folder, "large.png"), await picture().png().toBuffer());
  await writeFile(join(folder, "small.png"), await picture().resize(8, 40).png().toBuffer());
  const { source } = await read(16);
  expect(source.enlarged).toBe(1);
  for await (const _ of source.select([0, 1]).batches(2));
  expect(source.enlarged).toBe(1);
});
