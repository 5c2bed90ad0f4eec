/**
 * Feeds the parsers of files that users bring with damaged ones: mutations of valid files and random bytes, drawn by fast-check, which
 * also shrinks what fails. Only typed errors may come out, in bounded time and memory. Build first.
 * Usage: node tools/faults/fuzz.mjs [inputs per parser, default 100000] [seed] [parser]
 */
import { isRevqError } from "@revq/core";
import { fromBuffer, indexTar, openPth, openSafetensors, readNpy, writeNpy, writeSafetensors } from "@revq/formats";
import { openLatents } from "@revq/data";
import { createVocabulary, idsJson, parseTokenizerConfig } from "@revq/tokenizer";
import fc from "fast-check";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readIds } from "../../apps/cli/dist/ids/read-ids.js";
import { findParquetImages } from "../../packages/data/dist/images/archives/parquet-images.js";
import { expandBraces } from "../../packages/data/dist/images/find/braces.js";
import { findings } from "../../packages/data/dist/images/find/findings.js";
import { parseDatasetSpec } from "../../packages/formats/dist/hub/spec.js";
import { externalFiles, inlineWeights } from "../../plugins/backbone-onnx/dist/inline-weights.js";
import { parseConfig } from "../../plugins/backbone-sd-vae/dist/config.js";
import { findVae } from "../../plugins/backbone-sd-vae/dist/find-vae.js";
import { inferConfig } from "../../plugins/backbone-sd-vae/dist/infer-config.js";

const [inputs = "100000", seed = "1", only] = process.argv.slice(2);
const slowest = 2000; // milliseconds of processor time, which other work does not lengthen
const maxMemory = 1.5 * 2 ** 30;
const folder = await mkdtemp(join(tmpdir(), "revq-fuzz-"));
const target = join(folder, "files");

const limits = [0, 0x7f, 0x80, 0xff, 0x30, 0x39, 0x22, 0x7b];
const insertions = ["-1", "1e999", "null", "[]", "{}", '"\\u0000"', "../../x"];
const changes = {
  byte: (bytes, at, value) => ((bytes[at] = value), bytes),
  bit: (bytes, at, value) => ((bytes[at] ^= 1 << (value % 8)), bytes),
  limit: (bytes, at, value) => ((bytes[at] = limits[value % 8]), bytes),
  end: (bytes, at) => bytes.subarray(0, at),
  cut: (bytes, at, value) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + (value % 16))]),
  double: (bytes, at, value, other) =>
    Buffer.concat([bytes.subarray(0, at), bytes.subarray(other % (at + 1), at), bytes.subarray(at)]),
  insert: (bytes, at, value) =>
    Buffer.concat([
      bytes.subarray(0, at),
      Buffer.from(insertions[value % 8] ?? "9".repeat(1 + (value >> 3))),
      bytes.subarray(at + (value % 4)),
    ]),
};
const change = fc.tuple(fc.constantFrom(...Object.keys(changes)), fc.boolean(), fc.nat(), fc.nat(255), fc.nat());

/** One to eight changes: a byte, a bit, a number at its limits, the end cut off, a part cut out or doubled, text put in. */
const mutations = fc.oneof(
  { weight: 49, arbitrary: fc.tuple(fc.nat(), fc.array(change, { minLength: 1, maxLength: 8 })) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
);

function mutate(originals, mutation) {
  if (mutation instanceof Uint8Array) return Buffer.from(mutation);
  const [which, list] = mutation;
  return list.reduce(
    (bytes, [kind, atStart, place, value, other]) => {
      if (bytes.length === 0) return bytes;
      // The beginning, where headers are, is hit more often.
      const at = place % (atStart ? Math.min(bytes.length, 512) : bytes.length);
      return changes[kind](bytes, at, value, other);
    },
    Buffer.from(originals[which % originals.length]),
  );
}

const ids = Int32Array.from({ length: 32 }, (_, i) => i % 4);
const layout = { count: 16, codebookSizes: [4], groupOf: new Int32Array(16) };
const floats = Float32Array.from({ length: 24 }, (_, i) => i / 7);
const config = {
  formatVersion: 2,
  latentShape: [8, 4, 4],
  imageSize: 32,
  backbone: {
    id: "linear",
    package: "@revq/backbone-linear",
    options: { patch: 8 },
    weights: null,
    fingerprint: "0".repeat(64),
    embedded: true,
  },
  quantizer: { id: "multigroup", package: "@revq/quantizer-multigroup", options: { tokens: 16, codes: 4 } },
  rectifier: { id: "identity", package: "@revq/rectifier-identity", options: {} },
  tokens: { tokens: 16, groups: 1, codes: 4, vocabulary: 64, bitsPerImage: 32 },
  training: { recipe: "fit", preset: null, seed: 0 },
};
const formerJson = {
  tokens: 16,
  vocabulary: 64,
  offsetGroups: false,
  images: [{ name: "a.jpg", ids: Array.from(ids.slice(0, 16)) }],
};

/** The record of files of ids; before, they had `vocabulary` as a number and `offsetGroups`. */
const vocabulary = createVocabulary(
  {
    layout: { ...layout, cut: { split: "spatial", stages: 1 } },
    latentShape: { channels: 8, height: 4, width: 4 },
    transform: { block: [4, 4], blocks: 1, decorrelated: false },
    imageSize: 32,
  },
  "groups",
  [{ name: "classes", count: 10 }],
);

function tarSeed() {
  const images = join(import.meta.dirname, "../../packages/data/test/fixtures");
  return execFileSync("tar", ["--format=posix", "-C", images, "-c", "bytes.parquet", "words.parquet"]);
}

const pthFolder = join(import.meta.dirname, "../../packages/formats/test/fixtures/pth");
const pthFiles = ["checkpoint", "checkpoint-protocol-4", "bare-tensor", "zip64-untyped"];

const lightningFiles = ["lightning", "lightning-protocol-4"];

/** A tokenizer with the decoder of another VAE. */
const pairedConfig = {
  ...config,
  formatVersion: 5,
  backbone: {
    ...config.backbone,
    decoder: { id: "sd-vae", package: null, options: { config: { block_out_channels: [32] } }, weights: "vae" },
  },
  metric: "standardized",
  transform: { id: "none", package: "@revq/transform-block", options: {} },
  decoder: null,
  training: { recipe: "kmeans", preset: null, seed: 0 },
};

/** Names and kernels of a VAE in the original layout, as far as its configuration is inferred from them. */
const vaeTensors = [
  ["encoder.conv_in.weight", [4, 3, 3, 3]],
  ["encoder.down.0.block.0.conv1.weight", [4, 4, 3, 3]],
  ["encoder.down.1.block.0.conv1.weight", [8, 4, 3, 3]],
  ["encoder.mid.block_1.conv1.weight", [8, 8, 3, 3]],
  ["decoder.conv_in.weight", [8, 4, 3, 3]],
  ["decoder.mid.block_1.conv1.weight", [8, 8, 3, 3]],
  ["decoder.up.1.block.0.conv1.weight", [8, 8, 3, 3]],
  ["decoder.conv_out.weight", [3, 4, 3, 3]],
  ["quant_conv.weight", [8, 8, 1, 1]],
];

const onnxFolder = join(import.meta.dirname, "../../plugins/backbone-onnx/test/fixtures/external");

const dataFixtures = join(import.meta.dirname, "../../packages/data/test/fixtures");
const parquetFiles = [
  "bytes",
  "records",
  "dictionary",
  "delta",
  "delta-page-1",
  "delta-page-2",
  "fixed-size",
  "list-of-one",
];

/** Reads everything that a parser offers. Each takes the bytes; those of ids go through a file. */
const parsers = {
  safetensors: {
    seed: () =>
      writeSafetensors(
        [
          { name: "a.weight", shape: [2, 3, 4], data: floats },
          { name: "b", shape: [32], data: ids },
        ],
        { format: "pt" },
      ),
    async parse(bytes) {
      const file = await openSafetensors(fromBuffer("fuzz", bytes));
      for (const name of file.tensors.keys()) await file.readFloat32(name);
    },
  },
  npy: { seed: () => writeNpy({ shape: [2, 3, 4], data: floats }), parse: (bytes) => readNpy(bytes) },
  tar: {
    seed: tarSeed,
    async parse(bytes) {
      const source = fromBuffer("fuzz", bytes);
      for await (const { offset, size } of indexTar(source)) await source.read(offset, size);
    },
  },
  pth: {
    seeds: () =>
      [...pthFiles.map((name) => `${name}.pth`), ...lightningFiles.map((name) => `${name}.ckpt`)].map((name) =>
        readFileSync(join(pthFolder, name)),
      ),
    async parse(bytes) {
      const file = await openPth(fromBuffer("fuzz", bytes));
      for (const name of file.tensors.keys()) await file.readFloat32(name);
    },
  },
  vae: {
    seed: () =>
      writeSafetensors(
        vaeTensors.map(([name, shape]) => ({
          name: `first_stage_model.${name}`,
          shape,
          data: new Float32Array(shape.reduce((product, size) => product * size)),
        })),
      ),
    async parse(bytes) {
      const inferred = inferConfig(findVae(await openSafetensors(fromBuffer("fuzz", bytes))));
      parseConfig(inferred.config, "fuzz");
    },
  },
  onnx: {
    seed: () => readFileSync(join(onnxFolder, "encoder.onnx")),
    async parse(bytes) {
      const data = readFileSync(join(onnxFolder, "encoder.onnx.data"));
      const names = externalFiles(bytes);
      if (names.length > 0) inlineWeights("fuzz", bytes, new Map(names.map((name) => [name, data])));
    },
  },
  parquet: {
    seeds: () => parquetFiles.map((name) => readFileSync(join(dataFixtures, `${name}.parquet`))),
    async parse(bytes) {
      const found = findings(1000);
      await findParquetImages(fromBuffer("fuzz", bytes), "fuzz", null, found);
      // A row without an image is skipped, whatever the error says.
      for (const image of found.images) await image.read().catch(() => {});
    },
  },
  latents: {
    seeds: () => [
      writeNpy({ shape: [2, 2, 3, 2], data: floats }),
      writeSafetensors([{ name: "latents", shape: [2, 2, 3, 2], data: floats }]),
      ...["tensor", "dict"].map((name) => readFileSync(join(dataFixtures, "latents", `${name}.pt`))),
    ],
    async parse(bytes) {
      const path = `${target}-latents`;
      await writeFile(path, bytes);
      const latents = await openLatents(path, { memoryLimit: 0 });
      await latents.read([0, latents.count - 1]);
    },
  },
  "image-spec": {
    seeds: () =>
      ["hf:datasets/owner/name/data/{a,b}-{00..11}.parquet@main", "a-{0..3}/{x,{y,z}}/*.tar"].map(Buffer.from),
    async parse(bytes) {
      const text = new TextDecoder().decode(bytes);
      expandBraces(text);
      if (text.startsWith("hf:datasets/")) parseDatasetSpec(text);
    },
  },
  config: {
    seeds: () => [config, pairedConfig].map((json) => Buffer.from(JSON.stringify(json, null, 2))),
    parse: async (bytes) => parseTokenizerConfig(new TextDecoder().decode(bytes), "fuzz"),
  },
  "ids.json": {
    seeds: () => [JSON.stringify(formerJson), idsJson(formerJson.images, vocabulary)].map((text) => Buffer.from(text)),
    parse: (bytes) => idsFile("ids.json", bytes),
  },
  "ids.npy": { seed: () => writeNpy({ shape: [2, 16], data: ids }), parse: (bytes) => idsFile("ids.npy", bytes) },
  "ids.safetensors": {
    seeds: () =>
      [{ vocabulary: "64", offsetGroups: "false" }, { vocabulary: JSON.stringify(vocabulary) }].map((record) =>
        writeSafetensors([{ name: "ids", shape: [2, 16], data: ids }], { names: '["a","b"]', ...record }),
      ),
    parse: (bytes) => idsFile("ids.safetensors", bytes),
  },
};

async function idsFile(name, bytes) {
  const path = `${target}-${name}`;
  await writeFile(path, bytes);
  return readIds(path, layout, null);
}

let failures = 0;
for (const [name, parser] of Object.entries(parsers)) {
  if (only && only !== name && !(only === "ids" && name.startsWith("ids."))) continue;
  const originals = (parser.seeds?.() ?? [parser.seed()]).map((bytes) => Buffer.from(bytes));
  let [accepted, refused, longest, largest] = [0, 0, 0, 0];
  const codes = new Map();
  /** Throws what is no typed error, and when it took too long or too much. */
  async function parse(bytes) {
    const start = process.cpuUsage();
    try {
      await parser.parse(bytes);
      accepted++;
    } catch (error) {
      if (!isRevqError(error)) throw error;
      refused++;
      codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
    }
    const { user, system } = process.cpuUsage(start);
    const took = (user + system) / 1000;
    longest = Math.max(longest, took);
    if (took > slowest) throw new Error(`it took ${took.toFixed(0)} ms`);
    const memory = process.memoryUsage.rss();
    largest = Math.max(largest, memory);
    if (memory > maxMemory) throw new Error(`the process takes ${(memory / 2 ** 20).toFixed(0)} MiB`);
  }
  for (const original of originals) await parse(original);
  if (accepted < originals.length)
    throw new Error(`${name}: the files that are mutated must be valid: ${[...codes.keys()]}`);
  [accepted, refused] = [0, 0];
  codes.clear();
  const outcome = await fc.check(
    fc.asyncProperty(mutations, (mutation) => parse(mutate(originals, mutation))),
    { numRuns: Number(inputs), seed: Number(seed) },
  );
  if (outcome.failed) {
    failures++;
    const path = join(tmpdir(), `revq-fuzz-${name}`);
    await writeFile(path, mutate(originals, outcome.counterexample[0]));
    console.log(
      `${name}: ${outcome.errorInstance?.stack ?? outcome.errorInstance}\n  the smallest such input: ${path}`,
    );
  }
  const kinds = [...codes].sort((a, b) => b[1] - a[1]).map(([code, count]) => `${code} ${count}`);
  console.log(
    `${name}: ${outcome.numRuns} inputs, ${refused} refused (${kinds.length} kinds), ${accepted} read, slowest ${longest.toFixed(0)} ms, at most ${(largest / 2 ** 20).toFixed(0)} MiB\n  ${kinds.join(", ")}`,
  );
}
const left = (await readdir(folder)).filter((name) => !name.startsWith("files-"));
if (left.length > 0) failures++;
await rm(folder, { recursive: true });
process.exitCode = failures > 0 ? 1 : 0;
