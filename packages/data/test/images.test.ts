import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { decodeImage, openImageFolder, openImages, openSynthetic, splitImages, takeImages } from "@revq/data";
import type { ImageSource } from "@revq/core";
import { procedural } from "./procedural.js";

let base = "";
let folder = "";
let made = 0;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "revq-images-"));
});
afterAll(() => rm(base, { recursive: true }));
beforeEach(async () => {
  folder = join(base, `${made++}`);
  await mkdir(folder);
});

function raw(width: number, height: number) {
  const { data } = procedural(width, height);
  return sharp(data, { raw: { width, height, channels: 3 } });
}

async function put(name: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(join(folder, name, ".."), { recursive: true });
  await writeFile(join(folder, name), bytes);
}

async function readAll(source: ImageSource, batchSize = 4): Promise<Map<string, Float32Array>> {
  const images = new Map<string, Float32Array>();
  const length = source.size * source.size * 3;
  for await (const { names, pixels } of source.batches(batchSize)) {
    expect(pixels).toHaveLength(names.length * length);
    names.forEach((name, i) => images.set(name, pixels.slice(i * length, (i + 1) * length)));
  }
  return images;
}

describe("openImageFolder", () => {
  it("reads jpeg, png and webp by content, nested, in byte order, and ignores the rest", async () => {
    await put("b/2.PNG", await raw(20, 16).png().toBuffer());
    await put("b/10.jpg", await raw(20, 16).webp().toBuffer()); // a wrong extension
    await put("a/é.jpeg", await raw(20, 16).jpeg().toBuffer());
    await put("a/z.jpeg", await raw(20, 16).jpeg().toBuffer());
    await put("noextension", await raw(20, 16).jpeg().toBuffer());
    await put("labels.csv", "name,class");
    await put(".hidden.png", await raw(20, 16).png().toBuffer());
    await put("._z.jpeg", "resource fork");
    const images = await openImageFolder(folder, { size: 16 });
    expect(images.names).toEqual(["a/z.jpeg", "a/é.jpeg", "b/10.jpg", "b/2.PNG", "noextension"]);
    expect([images.count, images.skipped]).toEqual([5, []]);
    expect([...(await readAll(images, 2)).keys()]).toEqual(images.names);
  });

  it("passes a square image of the right size through to the bit, as v / 127.5 - 1", async () => {
    await put("x.png", await raw(32, 32).png().toBuffer());
    const images = await readAll(await openImageFolder(folder, { size: 32 }));
    const expected = Float32Array.from(procedural(32, 32).data, (v) => v / 127.5 - 1);
    expect(images.get("x.png")).toEqual(expected);
  });

  it("skips broken files with a reason and goes on", async () => {
    const jpeg = await raw(64, 64).jpeg().toBuffer();
    const png = await raw(64, 64).png().toBuffer();
    await put("0-good.png", png);
    await put("1-text.jpg", "hello, I am no picture\n");
    await put("2-empty.png", "");
    await put("3-truncated.jpg", jpeg.subarray(0, jpeg.length / 2));
    await put("4-truncated.png", png.subarray(0, png.length - 400));
    await put("5-header.webp", (await raw(64, 64).webp().toBuffer()).subarray(0, 30));
    await put("6-old.bmp", Buffer.from("BM\0\0\0\0"));
    await put("7-good.webp", await raw(64, 64).webp().toBuffer());
    await symlink(join(folder, "nowhere.png"), join(folder, "8-link.png"));
    const images = await openImageFolder(folder, { size: 32 });
    expect([...(await readAll(images)).keys()]).toEqual(["0-good.png", "7-good.webp"]);
    const reasons = Object.fromEntries(images.skipped.map(({ name, reason }) => [name, reason]));
    expect(reasons["1-text.jpg"]).toBe("not a jpeg, png, webp, avif, gif or tiff image: it looks like text");
    expect(reasons["3-truncated.jpg"]).toBe("the jpeg is damaged or cut off");
    expect(reasons["4-truncated.png"]).toBe("the png is damaged or cut off");
    expect(reasons["5-header.webp"]).toBe("the webp is damaged or cut off");
    expect(reasons["2-empty.png"]).toMatch(/an empty file/);
    expect(reasons["6-old.bmp"]).toMatch(/a BMP; convert it to png or jpeg/);
    expect(reasons["8-link.png"]).toMatch(/a link is broken/);
    expect(Object.keys(reasons).sort()).toEqual([
      "1-text.jpg",
      "2-empty.png",
      "3-truncated.jpg",
      "4-truncated.png",
      "5-header.webp",
      "6-old.bmp",
      "8-link.png",
    ]);
    await readAll(images);
    expect(images.skipped).toHaveLength(7);
  });

  it("refuses decompression bombs by their header", async () => {
    await put("big.png", await raw(300, 200).png().toBuffer());
    await put("small.png", await raw(30, 20).png().toBuffer());
    const images = await openImageFolder(folder, { size: 16, pixelLimit: 50_000 });
    expect([...(await readAll(images)).keys()]).toEqual(["small.png"]);
    expect(images.skipped[0]!.reason).toBe(
      "300 x 200 pixels are more than the limit of 0.05 megapixels; a higher limit reads it",
    );
  });

  it("does not walk in circles, and follows links to other folders", async () => {
    await put("in/x.png", await raw(16, 16).png().toBuffer());
    await put("in/deep/y.png", await raw(16, 16).png().toBuffer());
    await symlink("..", join(folder, "in/loop"));
    await symlink(join(folder, "in/deep"), join(folder, "other"));
    expect((await openImageFolder(folder, { size: 16 })).names).toEqual(["in/deep/y.png", "in/x.png", "other/y.png"]);
  });

  it("takes a folder by URL and from any depth of names; limit takes the first by name", async () => {
    for (const name of ["c.png", "a.png", "b.png"]) await put(name, await raw(16, 16).png().toBuffer());
    const images = await openImageFolder(new URL(`file://${folder}/`), { size: 16, limit: 2 });
    expect(images.names).toEqual(["a.png", "b.png"]);
  });

  it.skipIf(process.getuid?.() === 0)("lists a folder that it may not read", async () => {
    await put("a.png", await raw(16, 16).png().toBuffer());
    await put("closed/b.png", await raw(16, 16).png().toBuffer());
    await chmod(join(folder, "closed"), 0);
    const images = await openImageFolder(folder, { size: 16 });
    expect(images.skipped).toEqual([{ name: "closed", reason: "permission denied" }]);
  });

  it("says what is wrong with the folder", async () => {
    const open = (path: string) => openImageFolder(path, { size: 16 });
    await expect(open(join(folder, "missing"))).rejects.toMatchObject({ code: "data-folder-missing" });
    await put("file.png", await raw(16, 16).png().toBuffer());
    await expect(open(join(folder, "file.png"))).rejects.toThrow(/is a file; a folder of images was expected/);
    await put("empty/.keep", "");
    await expect(open(join(folder, "empty"))).rejects.toThrow(
      /holds no readable image. Files found: 1 that are not images/,
    );
    await put("texts/a.txt", "a");
    await put("texts/b.jpg", "b");
    await put("texts/c.bmp", "BM\0\0\0\0");
    await expect(open(join(folder, "texts"))).rejects.toThrow(
      /1 named like images, but with other content \(b.jpg: text\), 1 of other kinds \(c.bmp: .*BMP[^)]*\), 1 that are not images/,
    );
    await put("broken/a.jpg", (await raw(64, 64).jpeg().toBuffer()).subarray(0, 300));
    await expect(readAll(await open(join(folder, "broken")))).rejects.toMatchObject({ code: "data-no-images" });
  });

  it("decodes no further than a little ahead when the consumer stops", async () => {
    for (let i = 0; i < 40; i++)
      await put(`${i}.png`, i < 2 ? await raw(16, 16).png().toBuffer() : "\x89PNG\r\n\x1a\n");
    const images = await openImageFolder(folder, { size: 16, concurrency: 2 });
    for await (const { names } of images.batches(1)) {
      expect(names).toEqual(["0.png"]);
      break;
    }
    await new Promise((done) => setTimeout(done, 50));
    expect(images.skipped.length).toBeLessThan(5);
  });
});

describe("decodeImage", () => {
  const decode = async (bytes: Uint8Array) => decodeImage(bytes);

  it("turns by EXIF orientation", async () => {
    const turned = await decode(await raw(20, 10).withMetadata({ orientation: 6 }).png().toBuffer());
    const expected = await raw(20, 10).rotate(90).raw().toBuffer();
    expect([turned.width, turned.height]).toEqual([10, 20]);
    expect(Buffer.compare(turned.data, expected)).toBe(0);
  });

  it("lays alpha on white", async () => {
    const data = Uint8Array.of(10, 20, 30, 0, 10, 20, 30, 255, 0, 100, 200, 128);
    const image = await decode(
      await sharp(data, { raw: { width: 3, height: 1, channels: 4 } })
        .png()
        .toBuffer(),
    );
    expect([...image.data.slice(0, 6)]).toEqual([255, 255, 255, 10, 20, 30]);
    [127, 177, 227].forEach((value, i) => expect(Math.abs(image.data[6 + i]! - value)).toBeLessThanOrEqual(1));
  });

  it("spreads grey over three channels, with and without alpha", async () => {
    const grey = Uint8Array.of(0, 77, 255);
    const plain = await decode(
      await sharp(grey, { raw: { width: 3, height: 1, channels: 1 } })
        .png()
        .toBuffer(),
    );
    expect([...plain.data]).toEqual([0, 0, 0, 77, 77, 77, 255, 255, 255]);
    const pair = Uint8Array.of(77, 255, 77, 0);
    const alpha = await decode(
      await sharp(pair, { raw: { width: 2, height: 1, channels: 2 } })
        .png()
        .toBuffer(),
    );
    expect([...alpha.data]).toEqual([77, 77, 77, 255, 255, 255]);
  });

  it("reduces 16 bits to 8", async () => {
    const data = Uint16Array.of(0, 0x7f80, 0xffff);
    for (const channels of [1, 3] as const) {
      const options = { raw: { width: 3 / channels, height: 1, channels } };
      const png = await sharp(data, options)
        .toColourspace(channels === 1 ? "grey16" : "rgb16")
        .png()
        .toBuffer();
      expect((await sharp(png).metadata()).depth).toBe("ushort");
      const { data: bytes } = await decode(png);
      const values = channels === 1 ? [bytes[0], bytes[3], bytes[6]] : [...bytes];
      expect([values[0], values[2]]).toEqual([0, 255]);
      expect(Math.abs(values[1]! - 127)).toBeLessThanOrEqual(1);
    }
  });

  it("converts CMYK", async () => {
    const red = sharp({ create: { width: 8, height: 8, channels: 3, background: "#ff0000" } });
    const jpeg = await red.toColourspace("cmyk").jpeg().toBuffer();
    expect((await sharp(jpeg).metadata()).space).toBe("cmyk");
    const { data } = await decode(jpeg);
    expect(data).toHaveLength(192);
    expect(data[0]! - Math.max(data[1]!, data[2]!)).toBeGreaterThan(120);
  });

  it("does not apply an RGB profile: the numbers are what Pillow gives", async () => {
    const png = await raw(16, 16).withIccProfile("p3").png().toBuffer();
    const plain = await sharp(png, { ignoreIcc: true }).raw().toBuffer();
    expect(Buffer.compare((await decode(png)).data, plain)).toBe(0);
  });

  it("takes the first frame of an animation", async () => {
    const frames = Buffer.concat([Buffer.alloc(8 * 8 * 3, 250), Buffer.alloc(8 * 8 * 3, 5)]);
    const options = { raw: { width: 8, height: 16, channels: 3 as const, pageHeight: 8 } };
    const webp = await sharp(frames, options)
      .webp({ lossless: true, loop: 0, delay: [100, 100] })
      .toBuffer();
    expect((await sharp(webp).metadata()).pages).toBe(2);
    const { width, height, data } = await decode(webp);
    expect([width, height, data[0]]).toEqual([8, 8, 250]);
  });
});

describe("selecting", () => {
  const source = openSynthetic("synthetic:dead-leaves", { size: 8, count: 30 });

  it("holds out a seeded part, at least one, the same every time", () => {
    const { train, val } = splitImages(source, 0.1, 5);
    expect([train.count, val.count]).toEqual([27, 3]);
    expect([...train.names, ...val.names].sort()).toEqual(source.names);
    expect(splitImages(source, 0.1, 5).val.names).toEqual(val.names);
    expect(splitImages(source, 0.1, 6).val.names).not.toEqual(val.names);
    expect(splitImages(takeImages(source, 2), 0.1, 5).val.count).toBe(1);
    expect(() => splitImages(takeImages(source, 1), 0.1, 5)).toThrow(/at least 2/);
    expect(() => splitImages(source, 1, 5)).toThrow(/between 0 and 1/);
  });

  it("delivers exactly the images chosen", async () => {
    const all = await readAll(source);
    const some = source.select([7, 3]);
    const images = await readAll(some);
    expect([...images.keys()]).toEqual([source.names[7], source.names[3]]);
    expect(images.get(source.names[3]!)).toEqual(all.get(source.names[3]!));
    expect(takeImages(source, 99)).toBe(source);
  });

  it("tells the source what a selection of it skipped", async () => {
    await put("a.png", "text");
    for (const name of ["b.png", "c.png"]) await put(name, await raw(16, 16).png().toBuffer());
    const images = await openImageFolder(folder, { size: 16 });
    const part = images.select([0, 1]);
    await readAll(part);
    expect(part.skipped.map(({ name }) => name)).toEqual(["a.png"]);
    expect(images.skipped).toEqual(part.skipped);
  });
});

describe("synthetic images", () => {
  it("depend on the seed and the index alone", async () => {
    const few = await readAll(openSynthetic("synthetic:dead-leaves", { size: 32, count: 2, seed: 3 }), 1);
    const many = await readAll(await openImages("synthetic:dead-leaves", { size: 32, limit: 5, seed: 3 }), 5);
    const other = await readAll(openSynthetic("synthetic:dead-leaves", { size: 32, count: 2, seed: 4 }));
    const [first, second] = [...few.keys()];
    expect(many.get(second!)).toEqual(few.get(second!));
    expect(few.get(first!)).not.toEqual(few.get(second!));
    expect(other.get(first!)).not.toEqual(few.get(first!));
  });

  it("fill the range of a photograph", async () => {
    for (const pixels of (await readAll(openSynthetic("synthetic:dead-leaves", { size: 64, count: 4 }))).values()) {
      expect(Math.min(...pixels)).toBeGreaterThanOrEqual(-1);
      expect(Math.max(...pixels)).toBeLessThanOrEqual(1);
      const mean = pixels.reduce((sum, v) => sum + v, 0) / pixels.length;
      const deviation = Math.sqrt(pixels.reduce((sum, v) => sum + (v - mean) ** 2, 0) / pixels.length);
      expect(deviation).toBeGreaterThan(0.1);
    }
  });

  it("names those that there are", async () => {
    await expect(openImages("synthetic:dead-leafs", { size: 8 })).rejects.toMatchObject({
      code: "data-unknown-synthetic",
      fix: "Use synthetic:dead-leaves.",
    });
    expect(existsSync("synthetic:dead-leafs")).toBe(false);
  });
});
