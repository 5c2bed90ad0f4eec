import "@tensorflow/tfjs-backend-cpu";
import { fromBuffer, openSafetensors } from "@revq/formats";
import { PluginRegistry, RevqError, type WeightsSource } from "@revq/core";
import { openSynthetic } from "@revq/data";
import { efficientvit } from "@revq/rectifier-efficientvit";
import * as tf from "@tensorflow/tfjs-core";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { configFile, formatVersion, modelFile, serializeTokenizer, Tokenizer, type RgbaImage } from "../src/index.js";
import { makeTokenizer, plugins, side } from "./tiny-tokenizer.js";

let tokenizer: Tokenizer;
let files: Record<string, Uint8Array>;
let photo: RgbaImage;

beforeAll(async () => {
  await tf.setBackend("cpu");
  tokenizer = await makeTokenizer();
  files = await serializeTokenizer(tokenizer);
  photo = await leaves(side);
});
afterAll(() => tokenizer.dispose());

async function leaves(size: number): Promise<RgbaImage> {
  for await (const { pixels } of openSynthetic("synthetic:dead-leaves", { size, count: 1, seed: 9 }).batches(1)) {
    const data = Uint8ClampedArray.from({ length: size * size * 4 }, (_, i) =>
      i % 4 === 3 ? 255 : Math.round((pixels[(i >> 2) * 3 + (i % 4)]! + 1) * 127.5),
    );
    return { width: size, height: size, data };
  }
  throw new Error("no image");
}

function inMemory(contents: Record<string, Uint8Array>): WeightsSource {
  return {
    spec: "memory",
    list: async () => Object.keys(contents),
    open: async (name) => fromBuffer(name, contents[name]!),
  };
}

function psnr(a: RgbaImage, b: RgbaImage): number {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) if (i % 4 < 3) sum += (a.data[i]! - b.data[i]!) ** 2;
  return 10 * Math.log10(255 ** 2 / (sum / ((a.data.length * 3) / 4)));
}

describe("encode and decode", () => {
  it("give ids, and the same images for the same ids", async () => {
    const ids = await tokenizer.encode([photo, photo]);
    expect(ids).toBeInstanceOf(Int32Array);
    expect(ids).toHaveLength(2 * 24);
    expect(ids.slice(0, 24)).toEqual(ids.slice(24));
    const [first, second] = await tokenizer.decode(ids);
    expect(first).toEqual(second);
    expect(first!.data).toHaveLength(side * side * 4);
    const [again] = await tokenizer.decode(
      Int32Array.from(JSON.parse(JSON.stringify([...ids.slice(0, 24)])) as number[]),
    );
    expect(again).toEqual(first);
  });

  it("agree with the tensors' own way", async () => {
    const pixels = Float32Array.from(
      { length: side * side * 3 },
      (_, i) => photo.data[Math.floor(i / 3) * 4 + (i % 3)]! / 127.5 - 1,
    );
    const images = tf.tensor4d(pixels, [1, side, side, 3]);
    const expected = await tokenizer.encodeImages(images);
    const ids = await tokenizer.encode({ width: side, height: side, data: pixels });
    expect(ids).toEqual(await expected.data());
    expect(ids).toEqual(await tokenizer.encode(photo));
    const decoded = await tokenizer.decodeIds(expected);
    const values = await decoded.data();
    const [image] = await tokenizer.decode(ids);
    for (let i = 0; i < values.length; i++) {
      const byte = Math.round(Math.min(255, Math.max(0, (values[i]! + 1) * 127.5)));
      expect(image!.data[Math.floor(i / 3) * 4 + (i % 3)]).toBe(byte);
    }
    tf.dispose([images, expected, decoded]);
  });

  it("take images of any size in tiles, and leak nothing", async () => {
    const before = tf.memory().numTensors;
    const large: RgbaImage = await leaves(128);
    const cropped: RgbaImage = { width: 128, height: 70, data: large.data.slice(0, 128 * 70 * 4) };
    const grid = tokenizer.grid(128, 70);
    expect(grid).toEqual({ width: 128, height: 70, tile: 32, columns: 5, rows: 3 });
    const reports: number[] = [];
    const report = ({ done }: { done: number }): number => reports.push(done);
    const ids = await tokenizer.encode(cropped, { tile: true, batch: 4, report });
    expect(ids).toHaveLength(15 * 24);
    expect(tokenizer.idsPerImage(128, 70)).toBe(ids.length);
    expect(reports).toEqual([4, 8, 12, 15]);
    const [decoded] = await tokenizer.decode(ids, { width: 128, height: 70 });
    expect([decoded!.width, decoded!.height]).toEqual([128, 70]);
    const [single] = await tokenizer.decode(await tokenizer.encode(photo));
    // As good as the small image, within the difference of their contents.
    expect(psnr(cropped, decoded!)).toBeGreaterThan(psnr(photo, single!) - 3);
    const [stored] = await tokenizer.decode(ids, JSON.parse(JSON.stringify(grid)) as typeof grid);
    expect(stored).toEqual(decoded);
    const tiny: RgbaImage = { width: 5, height: 9, data: new Uint8Array(5 * 9 * 3).fill(128) };
    const [small] = await tokenizer.decode(await tokenizer.encode(tiny, { tile: true }), tiny);
    expect([small!.width, small!.height, small!.data.length]).toEqual([5, 9, 5 * 9 * 4]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("of no images are empty", async () => {
    expect(await tokenizer.encode([])).toEqual(new Int32Array(0));
    expect(await tokenizer.decode(new Int32Array(0))).toEqual([]);
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ["ids out of range", () => tokenizer.decode(new Int32Array(24).fill(32)), "code-out-of-range"],
    ["half an image", () => tokenizer.decode(new Int32Array(23)), "ids-length"],
    ["ids with fractions", () => tokenizer.decode(new Float32Array(24).fill(0.5) as never), "code-out-of-range"],
    ["ids that are NaN", () => tokenizer.decode(new Array(24).fill(NaN) as never), "code-out-of-range"],
    ["the bytes of a file", () => tokenizer.encode(new Uint8Array(100) as never), "image-data"],
    ["no image", () => tokenizer.encode(undefined as never), "image-data"],
    [
      "a grid of other tiles",
      () => tokenizer.decode(new Int32Array(24), { ...tokenizer.grid(32, 32), tile: 64 }),
      "tile-size",
    ],
    [
      "a grid with holes",
      () => tokenizer.decode(new Int32Array(24), { ...tokenizer.grid(64, 32), columns: 1 }),
      "tile-grid",
    ],
    ["data of another size", () => tokenizer.encode({ width: 3, height: 3, data: new Uint8Array(9) }), "image-data"],
    [
      "images of two sizes in tiles",
      () => tokenizer.encode([photo, { width: 1, height: 1, data: new Uint8Array(3) }], { tile: true }),
      "images-differ",
    ],
  ])("refuse %s", async (_, act, code) => {
    await expect(act()).rejects.toMatchObject({ name: "RevqError", code });
  });
});

describe("Tokenizer.load", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "revq-tokenizer-"));
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("opens a folder with the plugins that are installed", async () => {
    const ids = await tokenizer.encode(photo);
    const loaded = await Tokenizer.load(folder);
    expect(await loaded.encode(photo)).toEqual(ids);
    expect(await loaded.decode(ids)).toEqual(await tokenizer.decode(ids));
    expect(Object.keys(await serializeTokenizer(loaded))).toEqual(Object.keys(files));
    expect(await serializeTokenizer(loaded)).toEqual(files);
    loaded.dispose();
  });

  it("opens a URL by byte ranges, and any other source", async () => {
    const ranges: string[] = [];
    const server = createServer((request, response) => {
      const bytes = files[new URL(request.url!, "http://x").pathname.split("/").at(-1)!];
      if (!bytes) return void response.writeHead(404).end();
      const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
      if (!range) return void response.writeHead(200, { "content-length": bytes.length }).end(bytes);
      ranges.push(range[0]);
      const end = Math.min(Number(range[2]), bytes.length - 1);
      response
        .writeHead(206, { "content-range": `bytes ${range[1]}-${end}/${bytes.length}` })
        .end(bytes.subarray(Number(range[1]), end + 1));
    });
    await new Promise<void>((done) => server.listen(0, done));
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/models/mine`);
    const loaded = await Tokenizer.load(url, { plugins });
    expect(await loaded.encode(photo)).toEqual(await tokenizer.encode(photo));
    expect(ranges.length).toBeGreaterThan(4);
    loaded.dispose();
    server.close();
  });

  it("says what to install when a plugin is missing, and imports nothing that a file names", async () => {
    const config = JSON.parse(new TextDecoder().decode(files[configFile])) as { quantizer: object };
    const withQuantizer = (quantizer: object): WeightsSource =>
      inMemory({
        ...files,
        [configFile]: new TextEncoder().encode(
          JSON.stringify({ ...config, quantizer: { ...config.quantizer, ...quantizer } }),
        ),
      });
    await expect(Tokenizer.load(withQuantizer({ id: "my-vq", package: "revq-quantizer-my-vq" }))).rejects.toMatchObject(
      {
        code: "plugin-unknown",
        fix: expect.stringMatching(/Install revq-quantizer-my-vq\. .*plugins: \[myVq/),
      },
    );
    // Installed and importable, but no package of this project: it stays untouched.
    await expect(Tokenizer.load(withQuantizer({ id: "zod", package: "zod" }))).rejects.toMatchObject({
      code: "plugin-unknown",
    });
    // With a registry nothing is imported: the package that the file names is what has to be added.
    const registry = new PluginRegistry();
    for (const plugin of plugins) registry.register(plugin, "test");
    const others = { plugins: registry };
    await expect(Tokenizer.load(withQuantizer({ id: "my-vq", package: "revq-my-vq" }), others)).rejects.toMatchObject({
      message: 'The tokenizer needs the quantizer "my-vq" of the package revq-my-vq, which is not here.',
      setting: { path: "plugins", value: "revq-my-vq" },
    });
    await expect(Tokenizer.load(withQuantizer({ id: "my-vq", package: null }), others)).rejects.toMatchObject({
      fix: expect.stringContaining("out of a file"),
    });
    await expect(Tokenizer.load(withQuantizer({ id: "none", package: null }))).rejects.toMatchObject({
      fix: expect.stringContaining("Install @revq/quantizer-none"),
    });
    // A package may bring several plugins: here the quantizer checks its own options.
    await expect(Tokenizer.load(withQuantizer({ id: "bsq", package: "@revq/quantizer-lfq" }))).rejects.toMatchObject({
      code: "plugin-options",
    });
    await expect(Tokenizer.load(inMemory(files), { plugins: [efficientvit, efficientvit] })).rejects.toThrow(RevqError);
  });

  it("refuses what newer versions wrote, and formats that never were", async () => {
    const config = JSON.parse(new TextDecoder().decode(files[configFile])) as Record<string, unknown>;
    const written = (changes: Record<string, unknown>): WeightsSource =>
      inMemory({ ...files, [configFile]: new TextEncoder().encode(JSON.stringify({ ...config, ...changes })) });
    await expect(Tokenizer.load(written({ formatVersion: formatVersion + 1 }))).rejects.toMatchObject({
      code: "tokenizer-format-newer",
      message: expect.stringContaining(`format version ${formatVersion + 1}`),
      fix: expect.stringContaining("npm install @revq/tokenizer@latest"),
    });
    await expect(Tokenizer.load(written({ formatVersion: 0 }))).rejects.toMatchObject({ code: "tokenizer-config" });
    await expect(Tokenizer.load(written({ formatVersion: "2" }))).rejects.toMatchObject({ code: "tokenizer-config" });
  });

  it("keeps an embedded backbone in half precision where that is exact", async () => {
    const values = {
      half: [1, -0, 0.0999755859375, 65504, 5.960464477539063e-8],
      single: [1, 0.1],
      infinite: [65520, 0],
    };
    const { parts } = tokenizer;
    const backbone: typeof parts.backbone = Object.create(parts.backbone, {
      state: {
        value: () => Object.fromEntries(Object.entries(values).map(([name, data]) => [name, tf.tensor1d(data)])),
      },
    });
    const { [modelFile]: bytes } = await serializeTokenizer(new Tokenizer({ ...parts, backbone }));
    const model = await openSafetensors(fromBuffer(modelFile, bytes!));
    for (const [name, dtype] of [
      ["half", "F16"],
      ["single", "F32"],
      ["infinite", "F32"],
    ] as const) {
      expect(model.tensors.get(`backbone.${name}`)!.dtype).toBe(dtype);
      expect((await model.readFloat32(`backbone.${name}`)).data).toEqual(Float32Array.from(values[name]));
    }
    expect(model.tensors.get("standardizer.mean")!.dtype).toBe("F32");
  });

  it("refuses folders that are no tokenizer or were damaged", async () => {
    const { [configFile]: config, [modelFile]: model } = files as { [name: string]: Uint8Array };
    await expect(Tokenizer.load(inMemory({ [modelFile]: model! }))).rejects.toMatchObject({ code: "not-a-tokenizer" });
    const cut = inMemory({ [configFile]: config!, [modelFile]: model!.subarray(0, 500) });
    await expect(Tokenizer.load(cut)).rejects.toMatchObject({ code: "safetensors-truncated" });
    const pointer = new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
    await expect(Tokenizer.load(inMemory({ [configFile]: config!, [modelFile]: pointer }))).rejects.toMatchObject({
      code: "git-lfs-pointer",
    });
    const changed = new TextEncoder().encode(
      new TextDecoder().decode(config).replace(/"fingerprint": "..../, '"fingerprint": "0000'),
    );
    const before = tf.memory().numTensors;
    await expect(Tokenizer.load(inMemory({ [configFile]: changed, [modelFile]: model! }))).rejects.toMatchObject({
      code: "backbone-fingerprint",
    });
    expect(tf.memory().numTensors).toBe(before);
  });
});
