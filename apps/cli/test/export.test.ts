import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { multigroup } from "@revq/quantizer-multigroup";
import { efficientvit } from "@revq/rectifier-efficientvit";
import { none } from "@revq/transform-block";
import { PluginRegistry, RevqError } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import { openSafetensors } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { traceOnnx } from "@revq/tfjs-backend-onnx";
import { LatentSpace, Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exportOnnx } from "../src/export/to-onnx.js";
import { exportPyTorch } from "../src/export/to-pytorch.js";
import { readAuthorsCheckpoint, type AuthorsCheckpoint } from "../src/import/checkpoint.js";
import { importTokenizer } from "../src/import/import-tokenizer.js";
import { readStatistics } from "../src/import/statistics.js";

const fixtures = join(process.env["REVQ_SHARED"] ?? resolve("../shared"), "fixtures");
const path = join(fixtures, "official_style_ckpt_T256_K32.pth");
const ioPath = join(fixtures, "official_style_ckpt_T256_K32_io.safetensors");
const plugins = new PluginRegistry()
  .register(none, "transform")
  .register(multigroup, "multigroup")
  .register(efficientvit, "efficientvit");

let engine: Engine;
let folder: string;
beforeAll(async () => {
  engine = await createEngine({ engine: "onnx" });
  folder = await mkdtemp(join(tmpdir(), "revq-export-"));
});
afterAll(async () => {
  engine.dispose();
  await rm(folder, { recursive: true });
});

describe.skipIf(!existsSync(path))("export of a tokenizer of latents (needs ../shared/fixtures)", () => {
  const make = async (
    checkpoint: AuthorsCheckpoint,
    stats = ioPath,
  ): Promise<Awaited<ReturnType<typeof importTokenizer>>> =>
    importTokenizer(
      {
        checkpoint,
        statistics: await readStatistics(stats, checkpoint.latentShape),
        backbone: null,
        imageSize: 256,
        preset: null,
      },
      plugins,
    );

  it("gives ONNX models that make PyTorch's ids and latents in plain ONNX Runtime", async () => {
    const tokenizer = await make(await readAuthorsCheckpoint(path));
    const before = tf.memory().numTensors;
    const report = await exportOnnx(tokenizer, folder, null);
    expect(tf.memory().numTensors).toBe(before);
    expect(report).toMatchObject({ kind: "latents", files: ["encoder.onnx", "decoder.onnx"], leftOut: [] });
    const io = await openSafetensors(await fromFile(ioPath));
    const encoder = await InferenceSession.create(join(folder, "encoder.onnx"));
    const decoder = await InferenceSession.create(join(folder, "decoder.onnx"));
    const { shape, data } = await io.readFloat32("latents");
    const { ids } = await encoder.run({ latents: new Tensor("float32", data, [...shape]) });
    const indices = (await io.read("indices")).data as BigInt64Array;
    expect([...(ids!.data as Int32Array)]).toEqual(Array.from(indices, Number));
    const { latents } = await decoder.run({ ids: ids! });
    const expected = (await io.readFloat32("output_latents")).data;
    const largest = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    (latents!.data as Float32Array).forEach((value, i) => {
      if (Math.abs(value - expected[i]!) > 1e-3 * largest)
        throw new Error(`element ${i}: ${value}, not ${expected[i]}`);
    });
    tokenizer.dispose();
    await encoder.release();
    await decoder.release();
  });

  it("gives PyTorch the tensors of the checkpoint that it came from, bit for bit", async () => {
    const tokenizer = await make(await readAuthorsCheckpoint(path));
    await exportPyTorch(tokenizer, folder);
    tokenizer.dispose();
    const file = await openSafetensors(await fromFile(join(folder, "model.safetensors")));
    const { codebooks, rectifier, groups, codes, latentShape } = await readAuthorsCheckpoint(path);
    const codesOfAll = [groups * codes, codebooks.shape[2]];
    expect(await file.readFloat32("quantizer.codes")).toMatchObject({ shape: codesOfAll, data: codebooks.data });
    const ofRectifier = [...file.tensors.keys()].filter((name) => name.startsWith("rectifier."));
    expect(ofRectifier.sort()).toEqual(
      Object.keys(rectifier)
        .map((name) => `rectifier.${name}`)
        .sort(),
    );
    for (const [name, { shape, data }] of Object.entries(rectifier))
      expect(await file.readFloat32(`rectifier.${name}`)).toMatchObject({ shape, data });
    const statistics = await readStatistics(ioPath, latentShape);
    const shape = [latentShape.channels, latentShape.height, latentShape.width];
    for (const name of ["mean", "std"] as const)
      expect(await file.readFloat32(name)).toMatchObject({ shape, data: statistics[name] });
  });
});

describe("export of the decoder's metric (needs ../shared/fixtures)", () => {
  it.skipIf(!existsSync(path))("gives PyTorch its matrix", async () => {
    const checkpoint = await readAuthorsCheckpoint(path);
    const statistics = await readStatistics(ioPath, checkpoint.latentShape);
    const plain = await importTokenizer(
      { checkpoint, statistics, backbone: null, imageSize: 256, preset: null },
      plugins,
    );
    const { standardizer, transform } = plain.parts.space;
    const matrix = Float32Array.from({ length: 32 ** 2 }, (_, i) => (i % 33 === 0 ? 2 : 0.01));
    const space = new LatentSpace(standardizer, transform, { id: "decoder", matrix });
    const tokenizer = new Tokenizer({ ...plain.parts, space });
    await exportPyTorch(tokenizer, folder);
    tokenizer.dispose();
    const file = await openSafetensors(await fromFile(join(folder, "model.safetensors")));
    expect(await file.readFloat32("metric")).toMatchObject({ shape: [32, 32], data: matrix });
  });
});

describe("traceOnnx", () => {
  const input = { name: "x", shape: [2, 3], dtype: "float32" } as const;

  it("writes one file of a computation, weights inside", async () => {
    const weight = tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]);
    const before = tf.memory().numTensors;
    const file = join(folder, "product.onnx");
    await traceOnnx(
      input,
      "y",
      (x) => tf.tidy(() => tf.add(tf.matMul(x as tf.Tensor2D, weight), 0.5)),
      async (pieces) => writeFile(file, Buffer.concat([...pieces])),
    );
    expect(tf.memory().numTensors).toBe(before);
    expect((await readFile(file)).length).toBeLessThan(1000);
    const session = await InferenceSession.create(file);
    const { y } = await session.run({ x: new Tensor("float32", Float32Array.of(1, 0, 0, 0, 1, 1), [2, 3]) });
    expect([...(y!.data as Float32Array)]).toEqual([1.5, 2.5, 8.5, 10.5]);
    await session.release();
    weight.dispose();
  });

  it("refuses what reads numbers half-way, and works as before afterwards", async () => {
    const write = async (): Promise<void> => {
      throw new RevqError("unreachable", "nothing should be written");
    };
    await expect(
      traceOnnx(input, "y", async (x) => tf.scalar((await tf.tidy(() => tf.sum(x)).data())[0]!), write),
    ).rejects.toMatchObject({ code: "onnx-trace-read" });
    await expect(traceOnnx(input, "y", () => tf.ones([2]), write)).rejects.toMatchObject({
      code: "onnx-trace-constant",
    });
    const three = tf.tidy(() => tf.add(tf.scalar(1), 2));
    expect((await three.data())[0]).toBe(3);
    three.dispose();
  });
});
