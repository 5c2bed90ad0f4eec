/** Files of a folder by content and name: what is used, skipped with its true reason, or passed over. */
import { encodePng, openImages, type IndexedImageSource, type OpenImagesOptions } from "@revq/data";
import { execFileSync } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const size = 8;
const fixtures = join(import.meta.dirname, "fixtures");
const cases = join(import.meta.dirname, "../../../test/fixtures/cases");
const png = await encodePng({ width: size, height: size, pixels: new Uint8Array(size * size * 3) });
let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "revq-kinds-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function put(name: string, content: Uint8Array | string = png): Promise<void> {
  await mkdir(join(folder, name, ".."), { recursive: true });
  await writeFile(join(folder, name), content);
}

function tar(name: string, ...members: string[]): void {
  execFileSync("tar", ["-C", folder, "-cf", join(folder, name), ...members]);
}

async function read(
  spec: string | readonly string[] = ".",
  options: Partial<OpenImagesOptions> = {},
): Promise<{ used: string[]; reasons: Record<string, string>; source: IndexedImageSource }> {
  const paths = [spec].flat().map((one) => join(folder, one));
  const source = await openImages(paths, { size, ...options });
  const used: string[] = [];
  for await (const { names } of source.batches(8)) used.push(...names);
  expect(used.length + source.skipped.length + source.passedOver).toBe(source.found);
  const reasons = Object.fromEntries(source.skipped.map(({ name, reason }) => [name, reason]));
  expect(Object.keys(reasons)).toHaveLength(source.skipped.length);
  return { used, reasons, source };
}

describe("in a folder", () => {
  it("archives and tables without a known extension are used, as when they are named", async () => {
    await copyFile(join(cases, "hard-link.tar"), join(folder, "shard"));
    await copyFile(join(cases, "hard-link.tar"), join(folder, "shard.bin"));
    await copyFile(join(cases, "parquet-zstd.parquet"), join(folder, "table.0001"));
    await put("labels.json", "{}");
    const { used, source } = await read();
    expect(used).toEqual([
      ...["shard", "shard.bin"].flatMap((name) => [`${name}/a.png`, `${name}/b.png`]),
      ...[0, 1, 2].map((row) => `table.0001/0000000${row}`),
    ]);
    expect(source.passedOver).toBe(1);
    expect((await read("shard")).used).toEqual(["shard/a.png", "shard/b.png"]);
  });

  it("images that are not read are skipped with what they are, under any name", async () => {
    const formats = await readdir(join(fixtures, "other-formats"));
    for (const name of formats) {
      const bytes = await readFile(join(fixtures, "other-formats", name));
      await put(name, bytes);
      if (!/tga|sgi/.test(name)) await put(`as-${name.slice(2)}`, bytes);
      if (!/tga|sgi/.test(name)) await put(`${name.slice(2)}.jpg`, bytes);
    }
    await put("good.png");
    const { used, reasons, source } = await read();
    expect(used).toEqual(["good.png"]);
    expect(source.passedOver).toBe(0);
    const words: Record<string, string> = { jp2: "a JPEG 2000", sgi: "an SGI image", ico: "an ICO" };
    for (const name of formats) {
      const format = name.slice(2);
      const expected = `it looks like ${words[format] ?? `a ${format.toUpperCase()}`}; convert it to png or jpeg`;
      expect(reasons[name]).toContain(expected);
      if (/tga|sgi/.test(name)) continue;
      expect(reasons[`as-${format}`]).toContain(expected);
      expect(reasons[`${format}.jpg`]).toContain(expected);
    }
  });

  it("an archive under an image's name is told as that", async () => {
    await put("good.png");
    await copyFile(join(cases, "hard-link.tar"), join(folder, "a.jpg"));
    await copyFile(join(cases, "parquet-zstd.parquet"), join(folder, "b.jpg"));
    await put("c.jpg", Buffer.from([0x1f, 0x8b, 8, 0]));
    await put("d.jpg", Buffer.alloc(600));
    const { reasons } = await read();
    expect(reasons["a.jpg"]).toMatch(/a tar archive; rename it to \.tar$/);
    expect(reasons["b.jpg"]).toMatch(/a Parquet file; rename it to \.parquet$/);
    expect(reasons["c.jpg"]).toMatch(/a compressed file \(gzip\); unpack it first$/);
    expect(reasons["d.jpg"]).toMatch(/a file of zeros; get the file again$/);
    await expect(read("a.jpg")).rejects.toThrow(/looks like a tar archive; rename it to \.tar/);
  });

  it("what people keep beside images is passed over: videos, tables of metadata, packed labels", async () => {
    await put("good.png");
    await put("labels.json.gz", Buffer.from([0x1f, 0x8b, 8, 0]));
    await put("clip.mp4", "\0\0\0\x18ftypisom");
    await put("notes", "P1 is the first photo.");
    await put("model.npz", "PK\x03\x04....");
    const { source, reasons } = await read();
    expect([source.passedOver, reasons]).toEqual([4, {}]);
  });

  it("a link that leads to itself has a plain reason; a link to a folder above is passed over", async () => {
    await put("good.png");
    await symlink("loop.png", join(folder, "loop.png"));
    await symlink(".", join(folder, "again"));
    const { reasons, source } = await read();
    expect(reasons).toEqual({ "loop.png": expect.stringMatching(/^a link that leads back to itself; remove it/) });
    expect(source.passedOver).toBe(1);
  });
});

describe("hidden files", () => {
  const names = [
    "a.png",
    "._a.png",
    ".hidden.png",
    "__MACOSX/._a.png",
    "__MACOSX/a.png",
    ".cache/b.png",
    ".cache/c.png",
  ];

  it("are passed over in folders and archives alike; a hidden folder counts once", async () => {
    for (const name of names) await put(`photos/${name}`);
    tar("photos.tar", ...names.map((name) => `photos/${name}`));
    const inFolder = await read("photos");
    const inArchive = await read("photos.tar");
    expect(inFolder.used).toEqual(["a.png"]);
    expect(inArchive.used).toEqual(["photos.tar/photos/a.png"]);
    expect([inFolder.source.passedOver, inArchive.source.passedOver]).toEqual([4, 4]);
  });

  it("are used when they are named", async () => {
    for (const name of names) await put(`photos/${name}`);
    expect((await read("photos/.cache")).used).toEqual(["b.png", "c.png"]);
    expect((await read("photos/.h*.png")).used).toEqual([".hidden.png"]);
    expect((await read("photos/*.png")).used).toEqual(["a.png"]);
  });
});

describe("what is listed", () => {
  it("counts files that are named more than once, not how often", async () => {
    for (const name of ["a.png", "b.png", "c.png"]) await put(name);
    const { used, source } = await read([".", "a.png", "a.png", "*.png", "b.png"]);
    expect(used.map((name) => basename(name))).toEqual(["a.png", "b.png", "c.png"]);
    expect(source.notes).toEqual(["3 files are named more than once. Each is read once."]);
  });

  it("names every earlier member of one name, and a link of the name that an image has", async () => {
    await put("a.png");
    tar("x.tar", "a.png");
    for (let i = 0; i < 2; i++) execFileSync("tar", ["-C", folder, "-rf", join(folder, "x.tar"), "a.png"]);
    await rm(join(folder, "a.png"));
    await symlink("gone.png", join(folder, "a.png"));
    execFileSync("tar", ["-C", folder, "-rf", join(folder, "x.tar"), "a.png"]);
    const { used, reasons } = await read("x.tar");
    expect(used).toEqual(["x.tar/a.png"]);
    expect(Object.keys(reasons)).toEqual([
      "x.tar/a.png (earlier member 1)",
      "x.tar/a.png (earlier member 2)",
      "x.tar/a.png#2",
    ]);
  });

  it("has an archive that is cut in its first image once", async () => {
    await put("a.png", Buffer.concat([png, Buffer.alloc(1000)]));
    tar("x.tar", "a.png");
    await writeFile(join(folder, "x.tar"), (await readFile(join(folder, "x.tar"))).subarray(0, 800));
    const { used, reasons } = await read(".", { skipBroken: true });
    expect(used).toEqual(["a.png"]);
    expect(reasons).toEqual({ "x.tar": expect.stringMatching(/is not a complete tar archive/) });
    await expect(read(".")).rejects.toMatchObject({
      code: "tar-truncated",
      fix: expect.stringMatching(/go on without it/),
      setting: { path: "data.skipBroken", value: true },
    });
  });
});
