/**
 * Against PyTorch and diffusers: both halves, tiles, older names, and the tensors of the full-size
 * model.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expectedTensors, parseConfig, sdVae } from "@revq/backbone-sd-vae";
import { createNetwork, toEngineLayout } from "@revq/backbone-sd-vae/network";
import { parseOptions, type Backbone, type WeightsSource } from "@revq/core";
import { availableEngines, createEngine } from "@revq/engine";
import { fromBuffer, openSafetensors, writeSafetensors } from "@revq/formats";
import { fromFile, openWeights } from "@revq/formats/node";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";

const fixtures = join(process.env["REVQ_SHARED"] ?? resolve("../shared"), "fixtures");
const tiny = join(fixtures, "sd-vae-tiny");
const engines = (await availableEngines()).filter((id) => id !== "webgpu" || process.env["REVQ_TEST_FULL"]);

async function readAll(path: string): Promise<Record<string, tf.Tensor>> {
  const source = await fromFile(path);
  const file = await openSafetensors(source);
  const tensors: Record<string, tf.Tensor> = {};
  for (const name of file.tensors.keys()) {
    const { shape, data } = await file.readFloat32(name);
    tensors[name] = tf.tensor(data, [...shape]);
  }
  await source.close?.();
  return tensors;
}

/** Largest difference over the largest expected value. */
async function relativeError(got: tf.Tensor, expected: tf.Tensor): Promise<number> {
  expect(got.shape).toEqual(expected.shape);
  const [a, b] = [await got.data(), await expected.data()];
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    difference = Math.max(difference, Math.abs(a[i]! - b[i]!));
    largest = Math.max(largest, Math.abs(b[i]!));
  }
  return difference / largest;
}

const toNhwc = (x: tf.Tensor): tf.Tensor4D => tf.transpose(x as tf.Tensor4D, [0, 2, 3, 1]);
const meansOf = (moments: tf.Tensor): tf.Tensor4D => {
  const [n, h, w, channels] = moments.shape as [number, number, number, number];
  return tf.slice(moments as tf.Tensor4D, [0, 0, 0, 0], [n, h, w, channels / 2]);
};

async function create(options: object = {}, weights?: WeightsSource): Promise<Backbone> {
  return sdVae.create(parseOptions(sdVae, { ...options }), {
    imageSize: 32,
    weights: weights ?? (await openWeights(tiny)),
  });
}

describe.skipIf(!existsSync(fixtures))("sd-vae beside PyTorch (needs ../shared/fixtures)", () => {
  describe.each(engines)("on %s", (id) => {
    it("encodes to the posterior's mean and decodes alike, and leaves nothing behind", async () => {
      const engine = await createEngine({ engine: id });
      const before = tf.memory().numTensors;
      const backbone = await create();
      expect(backbone.spec).toEqual({ name: "sd-vae f2c4", downsample: 2, latentChannels: 4, decodes: true });
      const io = await readAll(join(tiny, "io.safetensors"));
      const nhwc = Object.fromEntries(Object.entries(io).map(([name, tensor]) => [name, toNhwc(tensor)]));
      const latents = await backbone.encode(nhwc["input"]!);
      const expected = meansOf(nhwc["encoder_output"]!);
      expect(await relativeError(latents, expected)).toBeLessThan(1e-4);
      const images = await backbone.decode(nhwc["decoder_input"]!);
      expect(await relativeError(images, nhwc["decoder_output"]!)).toBeLessThan(1e-4);
      tf.dispose([latents, images, expected, io, nhwc]);
      backbone.dispose();
      expect(tf.memory().numTensors).toBe(before);
      engine.dispose();
    });
  });

  it("gives the same with channels first, which some engines train faster", async () => {
    const engine = await createEngine({ engine: "onnx" });
    const config = parseConfig(JSON.parse(readFileSync(join(tiny, "config.json"), "utf8")), "config.json");
    const weights = await readAll(join(tiny, "diffusion_pytorch_model.safetensors"));
    const network = createNetwork(
      config,
      Object.fromEntries(Object.entries(weights).map(([name, tensor]) => [name, toEngineLayout(tensor)])),
      { layout: "NCHW" },
    );
    const io = await readAll(join(tiny, "io.safetensors"));
    const moments = tf.tidy(() => network.encode(io["input"] as tf.Tensor4D));
    expect(await relativeError(moments, io["encoder_output"]!)).toBeLessThan(1e-4);
    const image = tf.tidy(() => network.decode(io["decoder_input"] as tf.Tensor4D));
    expect(await relativeError(image, io["decoder_output"]!)).toBeLessThan(1e-4);
    engine.dispose();
  });

  it("cuts large images into tiles as diffusers does", async () => {
    const engine = await createEngine({ engine: "onnx" });
    const golden = await readAll(fileURLToPath(new URL("fixtures/tiling.safetensors", import.meta.url)));
    const before = tf.memory().numTensors;
    const backbone = await create({ tile: 32 });
    // The inputs of tools/golden/sd-vae-tiling.py.
    const procedural = (n: number, c: number, h: number, w: number): tf.Tensor4D =>
      tf.tidy(() => {
        const values = Float32Array.from({ length: n * c * h * w }, (_, i) => Math.sin(0.37 * i) * Math.cos(0.011 * i));
        return toNhwc(tf.tensor4d(values, [n, c, h, w]));
      });
    const [image, latent] = [procedural(1, 3, 72, 40), procedural(1, 4, 36, 20)];
    const encoded = await backbone.encode(image);
    const decoded = await backbone.decode(latent);
    const [goldenLatent, goldenImage] = [toNhwc(golden["latent"]!), toNhwc(golden["image"]!)];
    expect(await relativeError(encoded, goldenLatent)).toBeLessThan(1e-4);
    expect(await relativeError(decoded, goldenImage)).toBeLessThan(1e-4);
    tf.dispose([image, latent, encoded, decoded, goldenLatent, goldenImage]);
    backbone.dispose();
    expect(tf.memory().numTensors).toBe(before);
    await expect(create({ tile: 31 })).rejects.toMatchObject({ code: "sd-vae-tile" });
    engine.dispose();
  });

  it("samples the posterior by seed, the same for an image in any batch", async () => {
    const engine = await createEngine({ engine: "onnx" });
    const io = await readAll(join(tiny, "io.safetensors"));
    const images = toNhwc(io["input"]!);
    const moments = (await toNhwc(io["encoder_output"]!).data()) as Float32Array;
    const samples = async (options: object, input = images): Promise<Float32Array> => {
      const backbone = await create({ sample: true, ...options });
      const values = (await (await backbone.encode(input)).data()) as Float32Array;
      backbone.dispose();
      return values;
    };
    const all = await samples({ seed: 3 });
    const [n, h, w, c] = images.shape;
    const second = await samples({ seed: 3 }, tf.slice(images, [1, 0, 0, 0], [n - 1, h, w, c]));
    const tail = all.subarray(all.length / 2);
    expect(second.length).toBe(tail.length);
    expect(Math.max(...second.map((value, i) => Math.abs(value - tail[i]!)))).toBeLessThan(1e-4);
    expect(await samples({ seed: 4 })).not.toEqual(all);
    // (sample - mean) / deviation is standard normal: 1,536 of them.
    const standard = all.map((value, i) => {
      const [position, channel] = [Math.floor(i / 4), i % 4];
      return (value - moments[position * 8 + channel]!) / Math.exp(moments[position * 8 + 4 + channel]! / 2);
    });
    const mean = standard.reduce((sum, value) => sum + value, 0) / standard.length;
    const variance = standard.reduce((sum, value) => sum + value * value, 0) / standard.length;
    expect(Math.abs(mean)).toBeLessThan(0.1);
    expect(Math.abs(variance - 1)).toBeLessThan(0.15);
    engine.dispose();
  });

  it("opens files that carry the older names of the attention", async () => {
    const engine = await createEngine({ engine: "cpu" });
    const source = await fromFile(join(tiny, "diffusion_pytorch_model.safetensors"));
    const file = await openSafetensors(source);
    const renamed = await Promise.all(
      [...file.tensors.keys()].map(async (name) => {
        const { shape, data } = await file.readFloat32(name);
        const older = name
          .replace(/attentions\.0\.to_out\.0/, "attentions.0.proj_attn")
          .replace(/attentions\.0\.to_([qkv])/, (_, part: "q" | "k" | "v") => {
            return `attentions.0.${{ q: "query", k: "key", v: "value" }[part]}`;
          });
        return { name: older, shape: older !== name && shape.length === 2 ? [...shape, 1, 1] : shape, data };
      }),
    );
    await source.close?.();
    const files: Record<string, Uint8Array> = {
      "vae/config.json": readFileSync(join(tiny, "config.json")),
      "vae/diffusion_pytorch_model.safetensors": writeSafetensors(renamed),
    };
    const pipeline: WeightsSource = {
      spec: "pipeline",
      list: async () => Object.keys(files),
      open: async (name) => fromBuffer(name, files[name]!),
    };
    const [older, current] = [await create({}, pipeline), await create()];
    const attention = "encoder.mid_block.attentions.0.to_q.weight";
    expect(await older.state()[attention]!.data()).toEqual(await current.state()[attention]!.data());
    expect(Object.keys(older.state())).toEqual(Object.keys(current.state()));
    engine.dispose();
  });

  it("expects the tensors of the full-size model, no more and no fewer", () => {
    const full = JSON.parse(readFileSync(join(fixtures, "sd-vae-keys.json"), "utf8")) as {
      config: object;
      keys: Record<string, number[]>;
    };
    const expected = expectedTensors(parseConfig(full.config, "keys"));
    expect(Object.fromEntries(expected)).toEqual(full.keys);
    const parameters = [...expected.values()].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
    expect(parameters).toBe(83_653_863);
  });
});
