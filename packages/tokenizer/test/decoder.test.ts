import "@tensorflow/tfjs-backend-cpu";
import { linear } from "@revq/backbone-linear";
import { fingerprint, parseOptions, toNamedArrays, type NamedTensors, type WeightsSource } from "@revq/core";
import { fromBuffer, openSafetensors, writeSafetensors, type TensorToWrite } from "@revq/formats";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  configFile,
  createAdaptedDecoder,
  modelFile,
  serializeTokenizer,
  Tokenizer,
  type DecoderMode,
} from "../src/index.js";
import { makeTokenizer, plugins, side } from "./tiny-tokenizer.js";

/** Its backbone is `linear`: images are latents times the basis `[12, 192]`, plus the mean `[192]`. */
let tokenizer: Tokenizer;
let ids: Tensor2D;
const patch = 8;

beforeAll(async () => {
  await tf.setBackend("cpu");
  tokenizer = await makeTokenizer();
  const images = tf.tidy(() => tf.randomUniform<tf.Rank.R4>([2, side, side, 3], -1, 1, "float32", 5));
  ids = await tokenizer.encodeImages(images);
  images.dispose();
});
afterAll(() => {
  ids.dispose();
  tokenizer.dispose();
});

/** The same tokenizer with an adapted decoder, as files. */
async function adapted(mode: DecoderMode, tensors: NamedTensors): Promise<Record<string, Uint8Array>> {
  const backbone = tokenizer.backbone;
  const options = parseOptions(linear, tokenizer.config.backbone!.options);
  const create = (state: NamedTensors) => linear.create(options, { imageSize: side, state });
  const decoder = await createAdaptedDecoder({ backbone, mode, tensors, create });
  const config = {
    ...tokenizer.config,
    decoder: { mode, rank: mode === "lora" ? 2 : null, fingerprint: await fingerprint(await toNamedArrays(tensors)) },
  };
  const files = await serializeTokenizer(new Tokenizer({ ...tokenizer.parts, config, decoder }));
  decoder.dispose();
  tf.dispose({ ...tensors });
  return files;
}

function inMemory(files: Record<string, Uint8Array>): WeightsSource {
  return {
    spec: "memory",
    list: async () => Object.keys(files),
    open: async (name) => fromBuffer(name, files[name]!),
  };
}

/** Images of the ids by the formula of `linear`. */
function expectedImages(basis: Tensor2D, mean: tf.Tensor): Tensor4D {
  return tf.tidy(() => {
    const latents = tokenizer.decodeLatents(ids);
    const [n, h, w, channels] = latents.shape;
    const patches = tf.add(tf.matMul(tf.reshape<tf.Rank.R2>(latents, [n * h * w, channels]), basis), mean);
    const rows = tf.transpose(tf.reshape(patches, [n * h, w, patch, patch * 3]), [0, 2, 1, 3]);
    return tf.reshape<tf.Rank.R4>(rows, [n, side, side, 3]);
  });
}

async function expectImages(files: Record<string, Uint8Array>, expected: Tensor4D): Promise<void> {
  const before = tf.memory().numTensors;
  const opened = await Tokenizer.load(inMemory(files), { plugins });
  const images = await opened.decodeIds(ids);
  const [found, wanted] = [(await images.data()) as Float32Array, await expected.data()];
  const largest = found.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0);
  expect(largest).toBeLessThan(1e-5);
  const encoded = await opened.encodeImages(images);
  const unchanged = await tokenizer.encodeImages(images);
  expect(await encoded.data()).toEqual(await unchanged.data()); // the encoder is the backbone's
  expect(await serializeTokenizer(opened)).toEqual(files);
  tf.dispose([images, encoded, unchanged]);
  opened.dispose();
  opened.dispose();
  expect(tf.memory().numTensors).toBe(before);
  expected.dispose();
}

const basis = (): Tensor2D => tokenizer.backbone.state()["basis"] as Tensor2D;
const mean = (): tf.Tensor => tokenizer.backbone.state()["mean"]!;

describe("an adapted decoder", () => {
  it.each(["all", "last"] as const)("of mode %s replaces tensors of the backbone", async (mode) => {
    const brighter = tf.tidy(() => tf.add(mean(), 0.25));
    const expected = expectedImages(basis(), brighter);
    await expectImages(await adapted(mode, { mean: brighter }), expected);
  });

  it("of mode lora adds products of two small matrices", async () => {
    // The basis as a matrix of another shape: [4, 3 x 192].
    const [a, b] = [tf.randomNormal([4, 2], 0, 0.1, "float32", 1), tf.randomNormal([2, 576], 0, 0.1, "float32", 2)];
    const changed = tf.tidy(() => tf.add(basis(), tf.reshape(tf.matMul(a, b), [12, 192]))) as Tensor2D;
    const expected = expectedImages(changed, mean());
    changed.dispose();
    await expectImages(await adapted("lora", { "basis.a": a, "basis.b": b }), expected);
  });

  it("stays float32 in the file", async () => {
    const files = await adapted("all", { mean: tf.zeros([192]) });
    const model = await openSafetensors(fromBuffer(modelFile, files[modelFile]!));
    expect(model.tensors.get("decoder.mean")!.dtype).toBe("F32");
  });

  it("is left out with the backbone", async () => {
    const files = await adapted("all", { mean: tf.zeros([192]) });
    const opened = await Tokenizer.load(inMemory(files), { plugins, backbone: false });
    expect(opened.parts.decoder).toBeNull();
    expect(() => opened.decoder).toThrow(/latents alone/);
    opened.dispose();
  });

  it("is the backbone when nothing is adapted", () => {
    expect(tokenizer.decoder).toBe(tokenizer.backbone);
  });
});

describe("a damaged decoder", () => {
  /** Writes model.safetensors again, with other tensors, and config.json with their fingerprint. */
  async function damage(
    files: Record<string, Uint8Array>,
    change: (tensors: Record<string, TensorToWrite>) => void,
    repair = true,
  ): Promise<WeightsSource> {
    const model = await openSafetensors(fromBuffer(modelFile, files[modelFile]!));
    const tensors: Record<string, TensorToWrite> = {};
    for (const name of model.tensors.keys()) {
      const { shape, data } = await model.read(name);
      tensors[name] = { name, shape: [...shape], data: data as Float32Array };
    }
    change(tensors);
    const own = Object.entries(tensors).filter(([name]) => name.startsWith("decoder."));
    const arrays = own.map(([name, { shape, data }]) => [name.slice(8), { shape, data: data as Float32Array }]);
    const config = JSON.parse(new TextDecoder().decode(files[configFile])) as { decoder: { fingerprint: string } };
    if (repair) config.decoder.fingerprint = await fingerprint(Object.fromEntries(arrays));
    return inMemory({
      [configFile]: new TextEncoder().encode(JSON.stringify(config)),
      [modelFile]: writeSafetensors(Object.values(tensors)),
    });
  }
  const factors = (): NamedTensors => ({ "basis.a": tf.ones([12, 2]), "basis.b": tf.ones([2, 192]) });
  const move = (tensors: Record<string, TensorToWrite>, from: string, to: string): void => {
    tensors[to] = { ...tensors[from]!, name: to };
    delete tensors[from];
  };

  it("with another fingerprint is refused", async () => {
    const before = tf.memory().numTensors;
    const changed = await damage(
      await adapted("all", { mean: tf.zeros([192]) }),
      (tensors) => ((tensors["decoder.mean"]!.data as Float32Array)[7] = 1),
      false,
    );
    await expect(Tokenizer.load(changed, { plugins })).rejects.toMatchObject({ code: "decoder-fingerprint" });
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each<[string, (tensors: Record<string, TensorToWrite>) => void, RegExp]>([
    ["no factor b", (tensors) => void delete tensors["decoder.basis.b"], /"basis" has no factor b/],
    ["no tensors", (all) => ["a", "b"].forEach((factor) => void delete all[`decoder.basis.${factor}`]), /none/],
    ["a tensor that is no factor", (all) => move(all, "decoder.basis.a", "decoder.basis"), /"basis" is no factor/],
    [
      "factors of another rank",
      (all) => (all["decoder.basis.a"] = { name: "decoder.basis.a", shape: [12, 1], data: new Float32Array(12) }),
      /\[12,1\] and \[2,192\] do not fit "basis" of shape \[12,192\]/,
    ],
    [
      "factors of a tensor that the backbone has not",
      (all) => ["a", "b"].forEach((factor) => move(all, `decoder.basis.${factor}`, `decoder.conv.${factor}`)),
      /no tensor "conv"/,
    ],
  ])("with %s is refused", async (_, change, message) => {
    const before = tf.memory().numTensors;
    const source = await damage(await adapted("lora", factors()), change);
    const loading = Tokenizer.load(source, { plugins });
    await expect(loading).rejects.toMatchObject({ code: "decoder-tensors", message: expect.stringMatching(message) });
    expect(tf.memory().numTensors).toBe(before);
  });

  it("with a tensor of another shape is refused", async () => {
    const files = await adapted("all", { mean: tf.zeros([192]) });
    const source = await damage(files, (all) => {
      all["decoder.mean"] = { name: "decoder.mean", shape: [2], data: new Float32Array(2) };
    });
    await expect(Tokenizer.load(source, { plugins })).rejects.toThrow(/"mean" has shape \[2\]/);
  });
});
