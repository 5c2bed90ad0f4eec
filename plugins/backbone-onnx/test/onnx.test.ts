import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { onnx } from "@revq/backbone-onnx";
import { externalFiles, inlineWeights } from "../src/inline-weights.js";
import { isRevqError, parseOptions, RevqError, type Backbone, type WeightsSource } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import { fromBuffer, writeSafetensors } from "@revq/formats";
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
    const bytes = content[name];
    if (bytes === undefined) throw new RevqError("weights-file-missing", `${spec} has no file "${name}".`);
    return fromBuffer(name, typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
  },
});
const bytes = (name: string): Uint8Array => readFileSync(path(name));

describe("onnx", () => {
  it.each([
    ["plain", 1e-5],
    ["optimum", 1e-5],
    ["half", 4e-3],
    ["external", 1e-5, "plain"],
    ["traced", 1e-5, "plain"],
  ])("%s gives PyTorch's latents and images", async (name, tolerance, values = name) => {
    const io = golden(values);
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

  it.each([
    ["vae_encoder.onnx", "vae_decoder.onnx"],
    ["onnx/encoder_model_fp16.onnx", "onnx/decoder_model_fp16.onnx"],
    ["vae_encoder/model_fp16.onnx", "vae_decoder/model_fp16.onnx"],
    ["exported/encoder/encoder.onnx", "exported/encoder/decoder.onnx"],
  ])("opens %s", async (encoder, decoder) => {
    const others = { "text_encoder/model.onnx": "", "unet/model.onnx": "" };
    const content = { ...others, [encoder]: bytes("plain/encoder.onnx"), [decoder]: bytes("plain/decoder.onnx") };
    const backbone = await create(files("a pipeline", content));
    expect(backbone.spec).toMatchObject({ latentChannels: 4, decodes: true });
    backbone.dispose();
  });

  it("says which of several encoders it took", async () => {
    const notes: string[] = [];
    const encoder = bytes("plain/encoder.onnx");
    const source = files("place", { "encoder_fp16.onnx": encoder, "encoder.onnx": encoder });
    const context = { imageSize: 16, weights: source, note: (line: string) => notes.push(line) };
    (await onnx.create(parseOptions(onnx, {}), context)).dispose();
    expect(notes).toEqual([
      "place: using the encoder encoder.onnx; not used are encoder_fp16.onnx.",
      "place has no decoder.onnx: images can be encoded, but latents cannot be decoded.",
    ]);
  });

  it("takes the decoder beside an encoder that was named alone, and names with capitals", async () => {
    const notes: string[] = [];
    const context = { imageSize: 16, note: (line: string) => notes.push(line) };
    const capitals = { "Encoder.onnx": bytes("plain/encoder.onnx"), "Decoder.onnx": bytes("plain/decoder.onnx") };
    for (const weights of [
      await openWeights(path("plain/encoder.onnx")),
      await openWeights(path("external/encoder.onnx")),
      files("a folder", capitals),
    ]) {
      const backbone = await onnx.create(parseOptions(onnx, {}), { ...context, weights });
      const latents = channelsLast(golden("plain").latent);
      const decoded = await backbone.decode(latents);
      expect(await largestDifference(decoded, golden("plain").decoded)).toBeLessThan(1e-5);
      tf.dispose([latents, decoded]);
      backbone.dispose();
    }
    expect(notes).toEqual([]);
  });

  it("says what is wrong with halves that were exchanged, and with other files", async () => {
    const [encoder, decoder] = [bytes("plain/encoder.onnx"), bytes("plain/decoder.onnx")];
    const exchanged = { "encoder.onnx": decoder, "decoder.onnx": encoder };
    await expect(create(files("place", exchanged))).rejects.toThrow(
      /takes 4 channels; an image has 3\. Is it the decoder/,
    );
    const safetensors = writeSafetensors([{ name: "a", shape: [1], data: Float32Array.of(1) }]);
    await expect(create(files("place", { "encoder.onnx": safetensors }))).rejects.toThrow(/begins like safetensors/);
    await expect(create(files("place", { "encoder.onnx": "Entry not found" }))).rejects.toThrow(/is a text/);
    const cut = await create(files("place", { "encoder.onnx": encoder.slice(0, 200) })).catch(
      (error: unknown) => error,
    );
    expect(cut).toMatchObject({ code: "onnx-model", fix: expect.not.stringMatching(/provider/) });
    expect(cut).not.toHaveProperty("setting.value");
  });

  it("keeps a model in one piece, in a tokenizer too", async () => {
    const first = await create("external");
    const again = await onnx.create(parseOptions(onnx, {}), { imageSize: 16, state: first.state() });
    const image = channelsLast(golden("plain").image);
    const latents = await again.encode(image);
    expect(await largestDifference(latents, golden("plain").latent)).toBeLessThan(1e-5);
    tf.dispose([image, latents]);
    first.dispose();
    again.dispose();
  });

  // ONNX Runtime itself is not part of this: it reads the result only.
  it("makes one file of damaged models, or throws a RevqError", () => {
    const [model, data] = [bytes("external/encoder.onnx"), bytes("external/encoder.onnx.data")];
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(model.length - 1), fc.nat(255)), { maxLength: 6 }),
        fc.nat(model.length),
        (changes, cut) => {
          const damaged = model.slice(0, cut < 64 ? cut : model.length);
          for (const [at, value] of changes) if (at < damaged.length) damaged[at] = value;
          const names = externalFiles(damaged);
          if (names.length === 0) return;
          try {
            inlineWeights("x.onnx", damaged, new Map(names.map((name) => [name, data])));
          } catch (error) {
            expect(isRevqError(error), String((error as Error).stack)).toBe(true);
          }
        },
      ),
      { numRuns: Number(process.env["REVQ_MUTATIONS"] ?? 2000), seed: 1 },
    );
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
    await expect(create(files("one of two", { "encoder.onnx": bytes("external/encoder.onnx") }))).rejects.toMatchObject(
      {
        code: "onnx-external-data",
        message: "encoder.onnx keeps its weights in a second file, encoder.onnx.data, which is not in one of two.",
      },
    );
    const short = { "encoder.onnx": bytes("external/encoder.onnx"), "encoder.onnx.data": new Uint8Array(10) };
    await expect(create(files("short", short))).rejects.toThrow(/encoder.onnx.data has 10 bytes; .* keeps weights in/);
    const elsewhere = Buffer.from(bytes("external/encoder.onnx"));
    for (let at; (at = elsewhere.indexOf("encoder.onnx.data")) >= 0;) elsewhere.write("../../../etc/pass", at);
    await expect(create(files("elsewhere", { "encoder.onnx": elsewhere }))).rejects.toMatchObject({
      code: "onnx-external-data",
      message: expect.stringContaining("which is not a file beside it"),
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
