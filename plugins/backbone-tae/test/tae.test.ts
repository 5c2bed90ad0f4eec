import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tae } from "@revq/backbone-tae";
import { parseOptions, toNamedArrays, type Backbone, type NamedTensors, type WeightsSource } from "@revq/core";
import { openImageFolder } from "@revq/data";
import { createEngine, type Engine } from "@revq/engine";
import { fromBuffer, openSafetensors, writeSafetensors } from "@revq/formats";
import { openWeights } from "@revq/formats/node";
import { psnr, ssim } from "@revq/metrics";

const shared = process.env["REVQ_SHARED"] ?? resolve("../shared");
const weightsFolder = join(shared, "weights");
const photographFolder = join(shared, "data/imagenet256/val");
const full = Boolean(process.env["REVQ_TEST_FULL"]);

/** Made by PyTorch: tools/golden/tae.py. */
const golden = JSON.parse(readFileSync(new URL("fixtures/tae.json", import.meta.url), "utf8")) as {
  size: number;
  variants: Record<
    string,
    { latent: [number, number, number]; latents: string; decodedEvery?: number; decoded?: string }
  >;
  photographs: Record<string, { psnr: number; ssim: number }>;
};

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ engine: "wasm" });
});
afterAll(() => engine.dispose());

async function create(
  variant: string,
  given: { weights?: WeightsSource; state?: NamedTensors } = {},
): Promise<Backbone> {
  const weights = given.state ? undefined : (given.weights ?? (await openWeights(weightsFolder)));
  return tae.create(parseOptions(tae, { variant }), {
    imageSize: 256,
    ...(weights ? { weights } : {}),
    ...(given.state ? { state: given.state } : {}),
  });
}

function floats(text: string): Float32Array {
  const bytes = Buffer.from(text, "base64");
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** The image of tools/golden/tae.py, in [-1, 1]. */
function procedural(size: number): tf.Tensor4D {
  const pixels = new Float32Array(size * size * 3);
  for (let y = 0, i = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      for (let c = 0; c < 3; c++) {
        const smooth = 127 + 100 * Math.sin(x * 0.11 + c) * Math.cos(y * 0.07 - c);
        const edges = ((x >> 3) + (y >> 3) + c) % 3 === 0 ? 220 : 40;
        pixels[i++] = Math.floor((x + y) % 64 < 40 ? smooth : edges) / 127.5 - 1;
      }
    }
  }
  return tf.tensor4d(pixels, [1, size, size, 3]);
}

/** Largest difference, relative to the largest magnitude expected. */
function relativeError(actual: Float32Array, expected: Float32Array): number {
  expect(actual.length).toBe(expected.length);
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!));
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return difference / largest;
}

describe.skipIf(!existsSync(weightsFolder))("tae with the published weights (needs ../shared/weights)", () => {
  it.each(Object.entries(golden.variants))("%s gives PyTorch's latents and image", async (variant, expected) => {
    const backbone = await create(variant);
    const [channels, height] = expected.latent;
    expect(backbone.spec).toMatchObject({ name: variant, latentChannels: channels, downsample: golden.size / height });
    const image = procedural(golden.size);
    const latents = await backbone.encode(image);
    const channelFirst = tf.transpose(latents, [0, 3, 1, 2]);
    expect(channelFirst.shape).toEqual([1, ...expected.latent]);
    expect(relativeError((await channelFirst.data()) as Float32Array, floats(expected.latents))).toBeLessThan(1e-4);
    if (expected.decoded) {
      const decoded = await backbone.decode(latents);
      expect(decoded.shape).toEqual(image.shape);
      const values = (await decoded.data()) as Float32Array;
      const some = values.filter((_, i) => i % expected.decodedEvery! === 0).map((v) => (v + 1) / 2);
      expect(relativeError(some, floats(expected.decoded))).toBeLessThan(1e-4);
      decoded.dispose();
    } else {
      expect(backbone.spec.decodes).toBe(false);
      await expect(backbone.decode(latents)).rejects.toMatchObject({ code: "backbone-cannot-decode" });
    }
    tf.dispose([image, latents, channelFirst]);
    backbone.dispose();
  });

  it("is the same from its state, in any batch, and leaks nothing", async () => {
    const image = procedural(32);
    const before = tf.memory().numTensors;
    const backbone = await create("taef2");
    const restored = await create("taef2", { state: backbone.state() });
    const batch = tf.tidy(() =>
      tf.concat<tf.Tensor4D>(Array.from({ length: 3 }, (_, i) => tf.mul<tf.Tensor4D>(image, 1 - 0.3 * i))),
    );
    const [one, many, again] = [
      await backbone.encode(image),
      await backbone.encode(batch),
      await restored.encode(image),
    ];
    const first = tf.slice(many, [0, 0, 0, 0], [1, 4, 4, 32]);
    expect(await again.data()).toEqual(await one.data());
    expect(relativeError((await first.data()) as Float32Array, (await one.data()) as Float32Array)).toBeLessThan(1e-5);
    tf.dispose([batch, one, many, again, first]);
    [backbone, restored, backbone].forEach((each) => each.dispose());
    expect(tf.memory().numTensors).toBe(before);
    image.dispose();
  });

  it("keeps the names and the layout of the published files in its state", async () => {
    const backbone = await create("taesana");
    const file = await openSafetensors(
      fromBuffer("taesana", readFileSync(join(weightsFolder, "taesana_encoder.safetensors"))),
    );
    const arrays = await toNamedArrays(backbone.state());
    expect(Object.keys(arrays).sort()).toEqual([...file.tensors.keys()].map((key) => `encoder.${key}`).sort());
    for (const key of ["2.weight", "17.bias"]) {
      const { shape, data } = await file.readFloat32(key);
      expect(arrays[`encoder.${key}`]).toEqual({ shape, data });
    }
    backbone.dispose();
  });

  it("refuses sizes and channels that do not fit", async () => {
    const backbone = await create("taesd");
    await expect(backbone.encode(tf.zeros([1, 20, 16, 3]))).rejects.toMatchObject({ code: "image-size" });
    await expect(backbone.decode(tf.zeros([1, 2, 2, 16]))).rejects.toMatchObject({ code: "latent-shape" });
    backbone.dispose();
  });

  it("says which half is missing, which files are there, and which tensor is wrong", async () => {
    const before = tf.memory().numTensors;
    const file = async (name: string) => openWeights(join(weightsFolder, name));
    await expect(create("taesd", { weights: await file("taesd_encoder.safetensors") })).rejects.toMatchObject({
      code: "tae-weights-half",
      message: expect.stringContaining("taesd_decoder.safetensors is missing") as string,
    });
    await expect(create("taesd", { weights: await file("squeezenet1_1.safetensors") })).rejects.toThrow(
      /has no weights of taesd; it has squeezenet1_1.safetensors/,
    );
    const original = readFileSync(join(weightsFolder, "taesana_encoder.safetensors"));
    const opened = await openSafetensors(fromBuffer("x", original));
    const tensors = await Promise.all(
      [...opened.tensors.keys()].map(async (name) => ({ name, ...(await opened.readFloat32(name)) })),
    );
    const altered = async (change: (list: typeof tensors) => typeof tensors): Promise<WeightsSource> => {
      const bytes = writeSafetensors(change(tensors));
      return {
        spec: "altered",
        list: async () => ["sub/taesana_encoder.safetensors"],
        open: async (name) => fromBuffer(name, bytes),
      };
    };
    const withoutOne = await altered((list) => list.filter(({ name }) => name !== "10.conv.2.bias"));
    await expect(create("taesana", { weights: withoutOne })).rejects.toThrow(/"10.conv.2.bias" is missing/);
    const withExtra = await altered((list) => [...list, { ...list[0]!, name: "4.conv.5.weight" }]);
    await expect(create("taesana", { weights: withExtra })).rejects.toThrow(/"4.conv.5.weight" is not part of it/);
    const misshapen = await altered((list) =>
      list.map((tensor) => (tensor.name === "0.bias" ? { ...tensor, shape: [16, 2] } : tensor)),
    );
    await expect(create("taesana", { weights: misshapen })).rejects.toThrow(
      /taesana's encoder: "0.bias" has shape \[16,2\], expected \[32\]/,
    );
    const truncated: WeightsSource = {
      spec: "cut",
      list: async () => ["taesana_encoder.safetensors"],
      open: async (name) => fromBuffer(name, original.subarray(0, 1e6)),
    };
    await expect(create("taesana", { weights: truncated })).rejects.toMatchObject({ code: "safetensors-truncated" });
    expect(tf.memory().numTensors).toBe(before);
  });

  it("finds that taesd3 weights are not taesd's", async () => {
    const folder = await openWeights(weightsFolder);
    const renamed: WeightsSource = {
      spec: "renamed",
      list: async () => ["taesd_encoder.safetensors", "taesd_decoder.safetensors"],
      open: async (name) => folder.open(name.replace("taesd", "taesd3")),
    };
    await expect(create("taesd", { weights: renamed })).rejects.toThrow(
      /"14.weight" has shape \[16,64,3,3\], expected \[4,64,3,3\]/,
    );
  });

  it.skipIf(!existsSync(photographFolder))(
    "reconstructs photographs as PyTorch does (needs ../shared/data/imagenet256)",
    async () => {
      const count = full ? 50 : 2;
      const images = await openImageFolder(photographFolder, { size: 256, limit: count });
      const backbone = await create("taesd");
      const scores: { psnr: number; ssim: number }[] = [];
      for await (const { names, size, pixels } of images.batches(1)) {
        const decoded = tf.tidy(() => tf.tensor4d(pixels, [1, size, size, 3]));
        const latents = await backbone.encode(decoded);
        const output = await backbone.decode(latents);
        const toUnit = (v: number): number => Math.min(1, Math.max(0, (v + 1) / 2));
        const [a, b] = [pixels.map(toUnit), ((await output.data()) as Float32Array).map(toUnit)];
        const score = { psnr: psnr(a, b), ssim: ssim(a, b, size, size) };
        const expected = golden.photographs[names[0]!]!;
        expect(Math.abs(score.psnr - expected.psnr)).toBeLessThan(0.02);
        expect(Math.abs(score.ssim - expected.ssim)).toBeLessThan(0.001);
        scores.push(score);
        tf.dispose([decoded, latents, output]);
      }
      backbone.dispose();
      if (!full) return;
      // The table of ../shared/data/README.md.
      const mean = (pick: (score: { psnr: number; ssim: number }) => number): number =>
        scores.reduce((sum, score) => sum + pick(score), 0) / scores.length;
      expect(Math.abs(mean((score) => score.psnr) - 22.62)).toBeLessThan(0.05);
      expect(Math.abs(mean((score) => score.ssim) - 0.604)).toBeLessThan(0.003);
    },
    300_000,
  );
});

describe("tae without weights", () => {
  it("asks for them, and names the variants", async () => {
    await expect(tae.create(parseOptions(tae, {}), { imageSize: 256 })).rejects.toMatchObject({
      code: "backbone-weights",
      fix: "Name a folder that holds taesd_encoder.safetensors and taesd_decoder.safetensors, or hf:madebyollin/taesd.",
      setting: { path: "backbone.weights" },
    });
    expect(() => parseOptions(tae, { variant: "taesd4" })).toThrow(/variant: .*taesd3/);
    expect(() => parseOptions(tae, { varient: "taesd" })).toThrow(/did you mean variant/);
    await expect(tae.create({ variant: "taesd" }, { imageSize: 256, state: {} })).rejects.toMatchObject({
      code: "state-missing-tensor",
    });
  });
});
