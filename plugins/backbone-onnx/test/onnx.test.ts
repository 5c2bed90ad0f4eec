import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { onnx } from "@revq/backbone-onnx";
import { parseOptions, type Backbone, type WeightsSource } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import { fromBuffer } from "@revq/formats";
import { openWeights } from "@revq/formats/node";

/** Made by PyTorch: tools/golden/onnx-vae.py. Arrays are [n, c, h, w]. */
interface Io {
  readonly image: { shape: [number, number, number, number]; data: number[] };
  readonly latent: { shape: [number, number, number, number]; data: number[] };
  readonly decoded: { shape: [number, number, number, number]; data: number[] };
}

const path = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
const golden = (name: string): Io => JSON.parse(readFileSync(path(`${name}/io.json`), "utf8")) as Io;

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ engine: "wasm" });
});
afterAll(() => engine.dispose());

async function create(weights: string | WeightsSource, options = {}, imageSize = 16): Promise<Backbone> {
  const source = typeof weights === "string" ? await openWeights(path(weights)) : weights;
  return onnx.create(parseOptions(onnx, options), { imageSize, weights: source });
}

const channelsLast = ({ shape, data }: Io["image"]): tf.Tensor4D =>
  tf.tidy(() => tf.transpose(tf.tensor4d(data, shape), [0, 2, 3, 1]));

async function largestDifference(actual: tf.Tensor4D, expected: Io["image"]): Promise<number> {
  const values = tf.tidy(() =>
    tf.max(tf.abs(tf.sub(tf.transpose(actual, [0, 3, 1, 2]), tf.tensor4d(expected.data, expected.shape)))),
  );
  const [difference] = await values.data();
  values.dispose();
  return difference!;
}

const files = (spec: string, content: Record<string, Uint8Array | string>): WeightsSource => ({
  spec,
  list: async () => Object.keys(content),
  open: async (name) => {
    const bytes = content[name]!;
    return fromBuffer(name, typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
  },
});
const bytes = (name: string): Uint8Array => readFileSync(path(name));

describe("onnx", () => {
  it.each([
    ["plain", 1e-5],
    ["optimum", 1e-5],
    ["half", 4e-3],
  ])("%s gives PyTorch's latents and images", async (name, tolerance) => {
    const io = golden(name);
    const backbone = await create(name);
    expect(backbone.spec).toEqual({ name: "onnx f4c4 (cpu)", downsample: 4, latentChannels: 4, decodes: true });
    const image = channelsLast(io.image);
    const latents = await backbone.encode(image);
    expect(await largestDifference(latents, io.latent)).toBeLessThan(tolerance);
    const decoded = await backbone.decode(latents);
    expect(await largestDifference(decoded, io.decoded)).toBeLessThan(tolerance);
    tf.dispose([image, latents, decoded]);
    backbone.dispose();
  });

  it("takes mean and log-variance as the latent when asked to", async () => {
    const encoderOnly = files("half a VAE", { "encoder.onnx": bytes("optimum/vae_encoder/model.onnx") });
    const [mean, all] = [await create(encoderOnly), await create(encoderOnly, { latent: "all" })];
    expect(mean.spec).toMatchObject({ latentChannels: 4, decodes: false });
    expect(all.spec.latentChannels).toBe(8);
    await expect(mean.decode(tf.zeros([1, 4, 4, 4]))).rejects.toMatchObject({ code: "backbone-cannot-decode" });
    mean.dispose();
    all.dispose();
  });

  it("refuses what is not a VAE, and says why", async () => {
    const before = tf.memory().numTensors;
    await expect(create("sampling")).rejects.toMatchObject({ code: "onnx-encoder-random" });
    await expect(create("half", {}, 32)).rejects.toMatchObject({
      code: "image-size",
      message: "This ONNX model was exported for inputs of 16 x 16, got 32 x 32.",
    });
    await expect(create(files("elsewhere", { "model.safetensors": "" }))).rejects.toThrow(
      /elsewhere has no VAE in ONNX. Expected: encoder.onnx and decoder.onnx.*Found: model.safetensors/,
    );
    await expect(create(files("d", { "decoder.onnx": "" }))).rejects.toThrow(/has decoder.onnx but no encoder.onnx/);
    await expect(
      create(files("pointer", { "encoder.onnx": "version https://git-lfs.github.com/spec/v1\noid sha256:0\n" })),
    ).rejects.toMatchObject({ code: "git-lfs-pointer" });
    await expect(create(files("page", { "encoder.onnx": "<!DOCTYPE html><html>" }))).rejects.toMatchObject({
      code: "html-instead-of-data",
    });
    await expect(create(files("two files", { "encoder.onnx": "x", "encoder.onnx_data": "y" }))).rejects.toMatchObject({
      code: "onnx-external-data",
    });
    const cut = files("cut", { "encoder.onnx": bytes("plain/encoder.onnx").subarray(0, 700) });
    await expect(create(cut)).rejects.toMatchObject({ code: "onnx-model" });
    const strangers = files("strangers", {
      "encoder.onnx": bytes("plain/encoder.onnx"),
      "decoder.onnx": bytes("plain/encoder.onnx"),
    });
    await expect(create(strangers)).rejects.toThrow(/gives latents of 4 channels, the decoder takes 3/);
    await expect(onnx.create(parseOptions(onnx, {}), { imageSize: 16, state: {} })).rejects.toMatchObject({
      code: "state-missing-tensor",
    });
    expect(tf.memory().numTensors).toBe(before);
  });
});
