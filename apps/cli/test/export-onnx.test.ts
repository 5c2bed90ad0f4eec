/** Whole tokenizers as ONNX models: each backbone with each quantizer, in plain ONNX Runtime, beside revq itself. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { dcAe } from "@revq/backbone-dc-ae";
import { linear } from "@revq/backbone-linear";
import { sdVae } from "@revq/backbone-sd-vae";
import {
  createRandom,
  latentShapeOf,
  latentShapeToArray,
  parseOptions,
  quietContext,
  type Backbone,
  type BackbonePlugin,
  type MetricId,
  type QuantizerPlugin,
  type TransformPlugin,
} from "@revq/core";
import { inMemoryLatents, openSynthetic } from "@revq/data";
import { createEngine, type Engine } from "@revq/engine";
import { openSafetensors } from "@revq/formats";
import { fromFile, openWeights } from "@revq/formats/node";
import { fsq } from "@revq/quantizer-fsq";
import { bsq, lfq } from "@revq/quantizer-lfq";
import { multigroup } from "@revq/quantizer-multigroup";
import { residual } from "@revq/quantizer-residual";
import { tokenbridge } from "@revq/quantizer-tokenbridge";
import { trellis } from "@revq/quantizer-trellis";
import { vq } from "@revq/quantizer-vq";
import { identity } from "@revq/rectifier-identity";
import {
  centredSource,
  createAdaptedDecoder,
  decoderMetric,
  LatentSpace,
  measureLatents,
  Standardizer,
  Tokenizer,
  type TokenizerConfig,
} from "@revq/tokenizer";
import { dct, dctKlt, none, pca, standardize } from "@revq/transform-block";
import * as tf from "@tensorflow/tfjs-core";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exportOnnx } from "../src/export/to-onnx.js";
import { exportPyTorch } from "../src/export/to-pytorch.js";

const fixtures = join(process.env["REVQ_SHARED"] ?? resolve("../shared"), "fixtures");
const side = 32;
/** Synthetic images: the first are tried, the others are fitted on. */
const [tried, fitted] = [6, 30];

let engine: Engine;
let folder: string;
beforeAll(async () => {
  engine = await createEngine({ engine: "onnx" });
  folder = await mkdtemp(join(tmpdir(), "revq-export-onnx-"));
});
afterAll(async () => {
  engine.dispose();
  await rm(folder, { recursive: true });
});

async function openBackbone(plugin: BackbonePlugin, options: object, weights?: string): Promise<Backbone> {
  const backbone = await plugin.create(parseOptions(plugin, { ...options }), {
    imageSize: side,
    ...(weights === undefined ? {} : { weights: await openWeights(weights) }),
  });
  if (backbone.fit) {
    const images = openSynthetic("synthetic:dead-leaves", { size: side, count: tried + fitted });
    await backbone.fit.run(images, quietContext(createRandom(1)));
  }
  return backbone;
}

async function testImages(): Promise<Float32Array> {
  const images = openSynthetic("synthetic:dead-leaves", { size: side, count: tried + fitted });
  const all = new Float32Array((tried + fitted) * side * side * 3);
  let filled = 0;
  for await (const { pixels } of images.batches(tried + fitted)) {
    all.set(pixels, filled);
    filled += pixels.length;
  }
  return all;
}

interface Stages {
  readonly quantizer: readonly [QuantizerPlugin, object];
  readonly transform: TransformPlugin;
  readonly metric?: MetricId;
}

/** A tokenizer that is fitted on some of the images. It owns the backbone. */
async function makeTokenizer(backbone: Backbone, id: string, stages: Stages): Promise<Tokenizer> {
  const [plugin, given] = stages.quantizer;
  const latentShape = latentShapeOf(backbone.spec, side);
  const images = tf.tensor4d((await testImages()).slice(tried * side * side * 3), [fitted, side, side, 3]);
  const latents = await backbone.encode(images);
  const source = inMemoryLatents(latentShape, (await latents.data()) as Float32Array);
  tf.dispose([images, latents]);
  const statistics = await measureLatents(source);
  const options = parseOptions(plugin, { ...given });
  const tokens = plugin.layout(options, latentShape).layout.count;
  const transform = await stages.transform.create(parseOptions(stages.transform, {}), { latentShape, tokens });
  const standardizer = Standardizer.fromStatistics(latentShape, statistics);
  const { metric: wanted = "standardized" } = stages;
  const { channels } = latentShape;
  /** Of a decoder that mixes neighbouring channels. */
  const gram = Float64Array.from(
    { length: channels ** 2 },
    (_, i) => [4, 1][Math.abs((i % channels) - Math.floor(i / channels))] ?? 0,
  );
  const metric = wanted === "decoder" ? await decoderMetric(gram, centredSource(source, statistics)) : { id: wanted };
  const space = new LatentSpace(standardizer, transform, metric);
  await transform.fit(space.innerSource(source), quietContext(createRandom(4)));
  const quantizer = await plugin.create(options, { latentShape, transform: transform.layout });
  await quantizer.fit(await space.source(source), quietContext(createRandom(2)));
  return new Tokenizer({
    // The fields that an export reads.
    config: {
      imageSize: side,
      latentShape: latentShapeToArray(latentShape),
      backbone: { id, package: null, options: {}, weights: null, fingerprint: "0".repeat(64), embedded: true },
      metric: wanted,
      transform: { id: stages.transform.id, package: null, options: {} },
      quantizer: { id: plugin.id, package: null, options: given },
      rectifier: { id: "identity", package: null, options: {} },
    } as unknown as TokenizerConfig,
    latentShape,
    backbone,
    space,
    quantizer,
    rectifier: await identity.create({}, { latentShape, random: createRandom(3) }),
    decoder: null,
  });
}

const channelsFirst = (images: tf.Tensor4D): tf.Tensor4D => tf.transpose(images, [0, 3, 1, 2]);

/** Exports and runs both models on images that nothing was fitted on. */
async function expectSame(tokenizer: Tokenizer, out: string): Promise<void> {
  const before = tf.memory().numTensors;
  expect(await exportOnnx(tokenizer, out, null)).toMatchObject({
    files: ["encoder.onnx", "decoder.onnx"],
    leftOut: [],
    fixedBatch: {},
    sameIds: 1,
  });
  expect(tf.memory().numTensors).toBe(before);
  const encoder = await InferenceSession.create(join(out, "encoder.onnx"));
  const decoder = await InferenceSession.create(join(out, "decoder.onnx"));
  const all = await testImages();
  const distinct = new Set<number>();
  // Batches of one, two and three.
  for (let [start, batch] = [0, 1]; start < tried; start += batch++) {
    const each = side * side * 3;
    const images = tf.tensor4d(all.slice(start * each, (start + batch) * each), [batch, side, side, 3]);
    const planes = channelsFirst(images);
    const { ids } = await encoder.run({ images: new Tensor("float32", await planes.data(), planes.shape) });
    const expectedIds = await tokenizer.encodeImages(images);
    expect(Array.from(ids!.data as Int32Array)).toEqual(Array.from(await expectedIds.data()));
    for (const id of await expectedIds.data()) distinct.add(id);
    const { images: again } = await decoder.run({ ids: ids! });
    const decoded = await tokenizer.decodeIds(expectedIds);
    const expected = channelsFirst(decoded);
    const values = again!.data as Float32Array;
    const largest = ((await expected.data()) as Float32Array).reduce(
      (largest, value, i) => Math.max(largest, Math.abs(value - values[i]!)),
      0,
    );
    expect(largest).toBeLessThan(1e-3);
    tf.dispose([images, planes, expectedIds, decoded, expected]);
  }
  expect(distinct.size).toBeGreaterThan(1);
  await encoder.release();
  await decoder.release();
}

const plain = { tokens: 32, codes: 8, split: "channel", groups: "token" } as const;

const multigroupOnly: Stages = { quantizer: [multigroup as never, plain], transform: none as never };

const quantizers: readonly (readonly [QuantizerPlugin, object])[] = [
  [multigroup, plain],
  [vq, { codes: 24 }],
  [residual, { codes: 8, depth: 3 }],
  [fsq, { codes: 256 }],
  [lfq, {}],
  [bsq, {}],
  [tokenbridge, { codes: 11 }],
] as never;

async function expectExport(stages: Stages): Promise<void> {
  const backbone = await openBackbone(linear as never, { patch: 8, channels: 16 });
  const tokenizer = await makeTokenizer(backbone, "linear", stages);
  await expectSame(tokenizer, await mkdtemp(join(folder, "stages-")));
  tokenizer.dispose();
}

describe("export to ONNX of every quantizer", () => {
  const cases = quantizers.map(
    ([plugin, options]) => [`${plugin.id} ${JSON.stringify(options)}`, [plugin, options]] as const,
  );
  it.each(cases)("%s", (_, quantizer) => expectExport({ quantizer, transform: none as never }));

  it("trellis: the decoder alone, for any batch, because the search is on the host", async () => {
    const backbone = await openBackbone(linear as never, { patch: 8, channels: 16 });
    const stages = { quantizer: [trellis as never, { tokens: 32, codes: 16 }], transform: dctKlt as never } as const;
    const tokenizer = await makeTokenizer(backbone, "linear", stages);
    const report = await exportOnnx(tokenizer, await mkdtemp(join(folder, "trellis-")), null);
    expect(report).toMatchObject({ files: ["decoder.onnx"], fixedBatch: {} });
    expect(report.leftOut).toEqual(["encoder.onnx: the quantizer trellis computes outside the tensor engine."]);
    expect(report.largestDifference).toBeLessThan(1e-5);
    tokenizer.dispose();
  });
});

describe("export to ONNX of every transform", () => {
  const eigenvalue = { tokens: 16, codes: 8, split: "eigenvalue", groups: "token" };
  it.each([
    ["standardize", standardize, plain, "standardized"],
    ["dct", dct, plain, "standardized"],
    ["pca", pca, eigenvalue, "standardized"],
    ["dct-klt", dctKlt, eigenvalue, "standardized"],
    ["none, of centred latents", none, plain, "centred"],
    ["dct-klt, of centred latents", dctKlt, eigenvalue, "centred"],
    ["none, in the decoder's metric", none, plain, "decoder"],
    ["dct-klt, in the decoder's metric", dctKlt, eigenvalue, "decoder"],
  ] as unknown as [string, TransformPlugin, object, MetricId][])("%s", (_, transform, options, metric) =>
    expectExport({ quantizer: [multigroup as never, options], transform, metric }),
  );
});

describe("export of an adapted decoder", () => {
  it("gives the tokenizer's images, and PyTorch the whole matrices", async () => {
    const backbone = await openBackbone(linear as never, { patch: 8, channels: 16 });
    const given = await makeTokenizer(backbone, "linear", multigroupOnly);
    const tensors = { "basis.a": tf.ones([16, 1]), "basis.b": tf.fill([1, 192], 0.05) };
    const decoder = await createAdaptedDecoder({
      backbone,
      mode: "lora",
      tensors,
      create: (state) => linear.create({ patch: 8, channels: 16 }, { imageSize: side, state }),
    });
    const saved = { mode: "lora", rank: 1, fingerprint: "0".repeat(64) } as const;
    const tokenizer = new Tokenizer({ ...given.parts, decoder, config: { ...given.config, decoder: saved } });
    await expectSame(tokenizer, await mkdtemp(join(folder, "decoder-")));

    const out = await mkdtemp(join(folder, "pytorch-"));
    await exportPyTorch(tokenizer, out);
    const file = await openSafetensors(await fromFile(join(out, "model.safetensors")));
    const basis = (await backbone.state()["basis"]!.data()) as Float32Array;
    const exported = await file.readFloat32("decoder.0.basis");
    expect(exported.shape).toEqual([16, 192]);
    expect(exported.data).toEqual(basis.map((value) => value + Math.fround(0.05)));
    tokenizer.dispose();
    tf.dispose(tensors);
  });
});

describe.skipIf(!existsSync(fixtures))("export to ONNX of every backbone (needs ../shared/fixtures)", () => {
  it.each([
    ["sd-vae", sdVae, "sd-vae-tiny", {}],
    ["sd-vae in tiles", sdVae, "sd-vae-tiny", { tile: 16 }],
    ["dc-ae", dcAe, "dc-ae-tiny", {}],
    ["dc-ae with quadratic attention", dcAe, "dc-ae-tiny-quadratic", {}],
    ["dc-ae with batch norm", dcAe, "dc-ae-tiny-in", {}],
  ] as unknown as [string, BackbonePlugin, string, object][])(
    "%s",
    async (_, plugin, weights, options) => {
      const backbone = await openBackbone(plugin, options, join(fixtures, weights));
      const tokenizer = await makeTokenizer(backbone, plugin.id, multigroupOnly);
      const out = await mkdtemp(join(folder, "backbone-"));
      await expectSame(tokenizer, out);
      // For any processor and program: ONNX Runtime's own operators are named by their domain.
      for (const file of ["encoder.onnx", "decoder.onnx"])
        expect((await readFile(join(out, file))).includes("com.microsoft")).toBe(false);
      tokenizer.dispose();
    },
    180_000,
  ); // tiles are traced one by one

  it("says what leaves the engine: a posterior that is sampled", async () => {
    const backbone = await openBackbone(sdVae as never, { sample: true }, join(fixtures, "sd-vae-tiny"));
    const tokenizer = await makeTokenizer(backbone, "sd-vae", multigroupOnly);
    const report = await exportOnnx(tokenizer, await mkdtemp(join(folder, "sampled-")), null);
    expect(report.files).toEqual(["decoder.onnx"]);
    expect(report.leftOut).toEqual(["encoder.onnx: the backbone sd-vae computes outside the tensor engine."]);
    tokenizer.dispose();
  });
});
