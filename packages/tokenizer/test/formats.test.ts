/**
 * Files of formats 1 to 3, made from one of format 4. test/tokenizer-formats.test.ts opens files
 * that older versions wrote.
 */
import "@tensorflow/tfjs-backend-cpu";
import type { WeightsSource } from "@revq/core";
import { fromBuffer, openSafetensors, writeSafetensors, type TensorToWrite } from "@revq/formats";
import { dctKlt, none } from "@revq/transform-block";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";
import { configFile, modelFile, parseTokenizerConfig, serializeTokenizer, Tokenizer } from "../src/index.js";
import { makeTokenizer } from "./tiny-tokenizer.js";

beforeAll(() => tf.setBackend("cpu"));

const formerNames: Readonly<Record<string, string>> = {
  "transform.rotation": "quantizer.rotation",
  "quantizer.permutation": "quantizer.places",
};

type Json = Record<string, Record<string, unknown> & { options: Record<string, unknown> }>;

/** The two files as format 2 or 1 has them. */
async function asOlder(files: Record<string, Uint8Array>, version: 1 | 2): Promise<WeightsSource> {
  const { metric: _, transform, ...config } = JSON.parse(new TextDecoder().decode(files[configFile])) as Json;
  const { split, ...options } = config["quantizer"]!.options;
  const former = { ...options, transform: transform!["id"], split: split === "eigenvalue" ? "balanced" : split };
  const older: Record<string, unknown> = {
    ...config,
    formatVersion: version,
    quantizer: { ...config["quantizer"], options: former },
    training: { ...config["training"], recipe: "fit" },
  };
  for (const kind of version === 1 ? ["backbone", "quantizer", "rectifier"] : []) {
    const { package: _package, ...rest } = older[kind] as { package: string };
    older[kind] = rest;
  }
  const model = await openSafetensors(fromBuffer(modelFile, files[modelFile]!));
  const tensors: TensorToWrite[] = [];
  for (const name of model.tensors.keys()) {
    const { shape, data } = await model.read(name);
    tensors.push({ name: formerNames[name] ?? name, shape, data: data as Float32Array | Int32Array });
  }
  const contents: Record<string, Uint8Array> = {
    [configFile]: new TextEncoder().encode(JSON.stringify(older)),
    [modelFile]: writeSafetensors(tensors, { format: "revq" }),
  };
  return {
    spec: "memory",
    list: async () => Object.keys(contents),
    open: async (name) => fromBuffer(name, contents[name]!),
  };
}

it.each([
  ["none", 1, none],
  ["none", 2, none],
  ["dct-klt", 1, dctKlt],
  ["dct-klt", 2, dctKlt],
] as const)("opens a file with the transform %s of format %i as the same tokenizer", async (_, version, transform) => {
  const tokenizer = await makeTokenizer({ transform });
  const files = await serializeTokenizer(tokenizer);
  const older = await Tokenizer.load(await asOlder(files, version));
  expect(older.config).toEqual({
    ...tokenizer.config,
    ...(version === 1 ? { quantizer: { ...tokenizer.config.quantizer, package: null } } : {}),
    ...(version === 1 ? { rectifier: { ...tokenizer.config.rectifier, package: null } } : {}),
    ...(version === 1 ? { backbone: { ...tokenizer.config.backbone, package: null } } : {}),
  });
  expect((await serializeTokenizer(older))[modelFile]).toEqual(files[modelFile]);
  tokenizer.dispose();
  older.dispose();
});

it.each([
  [true, "standardized"],
  [false, "centred"],
] as const)("opens format 3 with standardize %s as the metric %s", async (standardize, metric) => {
  const tokenizer = await makeTokenizer({ transform: dctKlt, metric });
  const files = await serializeTokenizer(tokenizer);
  const { metric: _, ...config } = JSON.parse(new TextDecoder().decode(files[configFile])) as Json;
  const older = JSON.stringify({ ...config, standardize, formatVersion: 3 });
  expect(parseTokenizerConfig(older, "config.json")).toEqual(tokenizer.config);
  tokenizer.dispose();
});

it.each([
  [16, 4 * 16],
  [[2, 4, 8, 16], 30],
] as const)(
  "counts codes of all groups as the vocabulary where format 5 counted positions: %j",
  async (codes, size) => {
    const tokenizer = await makeTokenizer();
    const tokens = { ...tokenizer.config.tokens, tokens: 24, groups: 4, codes };
    const older = { ...tokenizer.config, formatVersion: 5, tokens: { ...tokens, vocabulary: 24 * 16 } };
    expect(parseTokenizerConfig(JSON.stringify(older), "config.json")).toEqual({
      ...tokenizer.config,
      tokens: { ...tokens, vocabulary: size },
    });
    tokenizer.dispose();
  },
);

it("keeps the decoder's metric: the opened tokenizer gives the same ids", async () => {
  const tokenizer = await makeTokenizer({ transform: dctKlt, metric: "decoder" });
  const files = await serializeTokenizer(tokenizer);
  const opened = await Tokenizer.load({
    spec: "memory",
    list: async () => Object.keys(files),
    open: async (name) => fromBuffer(name, files[name]!),
  });
  expect((await serializeTokenizer(opened))[modelFile]).toEqual(files[modelFile]);
  const latents = tf.randomNormal<tf.Rank.R4>([2, 4, 4, 12], 0, 1, "float32", 1);
  const [ids, again] = [await tokenizer.encodeLatents(latents), await opened.encodeLatents(latents)];
  expect(await again.data()).toEqual(await ids.data());
  tokenizer.dispose();
  opened.dispose();
});

it("says what an upgrade cannot know", () => {
  expect(() => parseTokenizerConfig('{ "formatVersion": 2 }', "config.json")).toThrow(/latentShape/);
});
