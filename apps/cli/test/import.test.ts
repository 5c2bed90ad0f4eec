import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { multigroup } from "@revq/quantizer-multigroup";
import { efficientvit } from "@revq/rectifier-efficientvit";
import { none } from "@revq/transform-block";
import { PluginRegistry } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import { openSafetensors, writeNpy, writeSafetensors, type Safetensors } from "@revq/formats";
import { fromFile, openWeights } from "@revq/formats/node";
import { serializeTokenizer, Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readAuthorsCheckpoint } from "../src/import/checkpoint.js";
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
  engine = await createEngine({ engine: "wasm" });
  folder = await mkdtemp(join(tmpdir(), "revq-import-"));
});
afterAll(async () => {
  engine.dispose();
  await rm(folder, { recursive: true });
});

describe.skipIf(!existsSync(path))("import of the authors' checkpoint (needs ../shared/fixtures)", () => {
  const make = async (): Promise<Tokenizer> => {
    const checkpoint = await readAuthorsCheckpoint(path);
    const statistics = await readStatistics(ioPath, checkpoint.latentShape);
    return importTokenizer({ checkpoint, statistics, backbone: null, imageSize: 256, preset: null }, plugins);
  };

  /** `[n,c,h,w]` of the file as `[n,h,w,c]`. */
  async function latents(io: Safetensors, name: string): Promise<tf.Tensor4D> {
    const { shape, data } = await io.readFloat32(name);
    return tf.tidy(() => tf.transpose(tf.tensor4d(data, shape as [number, number, number, number]), [0, 2, 3, 1]));
  }

  async function relativeError(actual: tf.Tensor, expected: tf.Tensor): Promise<number> {
    const error = tf.tidy(() => tf.div(tf.max(tf.abs(tf.sub(actual, expected))), tf.max(tf.abs(expected))));
    const [value] = await error.data();
    tf.dispose([error, expected]);
    return value!;
  }

  it("gives the indices and latents that PyTorch gives, before and after it was saved", async () => {
    const io = await openSafetensors(await fromFile(ioPath));
    const imported = await make();
    for (const [name, bytes] of Object.entries(await serializeTokenizer(imported)))
      await writeFile(join(folder, name), bytes);
    const saved = await Tokenizer.load(await openWeights(folder), { plugins });
    const raw = await latents(io, "latents");
    for (const tokenizer of [imported, saved]) {
      const stages = await tokenizer.quantizeLatents(raw);
      const { data: indices } = await io.read("indices");
      expect([...(await stages.ids.data())]).toEqual(Array.from(indices, Number));
      expect(await relativeError(stages.quantized, await latents(io, "quantized"))).toBeLessThan(1e-4);
      expect(await relativeError(stages.rectified, await latents(io, "rectified"))).toBeLessThan(1e-4);
      const output = tokenizer.decodeLatents(stages.ids);
      expect(await relativeError(output, await latents(io, "output_latents"))).toBeLessThan(1e-4);
      tf.dispose([{ ...stages }, output]);
      tokenizer.dispose();
    }
    raw.dispose();
    expect((await readdir(folder)).sort()).toEqual(["config.json", "model.safetensors"]);
  });

  it("checks the preset's sizes, and the file's layout", async () => {
    const checkpoint = await readAuthorsCheckpoint(path);
    const wrong = importTokenizer(
      { checkpoint, statistics: null, backbone: null, imageSize: 256, preset: "256T-B" },
      plugins,
    );
    await expect(wrong).rejects.toThrow(
      /not have the sizes of preset 256T-B: codes 32, not 65536; rectifier channels 64, not 1024/,
    );
    await expect(readAuthorsCheckpoint(ioPath)).rejects.toMatchObject({
      code: "import-checkpoint",
      message: expect.stringContaining("it has no quantizer.embeddings") as string,
    });
  });

  it("refuses another order of groups than t % G", async () => {
    const file = join(folder, "other.safetensors");
    const offsets = BigInt64Array.from([0n, 0n, 8n, 8n]);
    const embeddings = { name: "quantizer.embeddings", shape: [2, 8, 4], data: new Float32Array(64) };
    await writeFile(
      file,
      writeSafetensors([embeddings, { name: "quantizer.index_offset", shape: [4], data: offsets }]),
    );
    await expect(readAuthorsCheckpoint(file)).rejects.toThrow(/index_offset is 0 for token 1, expected 8/);
  });

  it("opens a file by its contents, whatever its name is", async () => {
    const misnamed = join(folder, "ckpt.safetensors");
    await writeFile(misnamed, await readFile(path));
    expect((await readAuthorsCheckpoint(misnamed)).latentShape).toEqual(
      (await readAuthorsCheckpoint(path)).latentShape,
    );
    const { latentShape } = await readAuthorsCheckpoint(path);
    const statistics = join(folder, "preprocessor.pth");
    await writeFile(statistics, await readFile(ioPath)); // safetensors
    expect(await readStatistics(statistics, latentShape)).toEqual(await readStatistics(ioPath, latentShape));
  });

  it("reads statistics of three formats", async () => {
    const shape = { channels: 32, height: 8, width: 8 };
    const expected = await readStatistics(ioPath, shape);
    const npy = join(folder, "stats.npy");
    await writeFile(npy, writeNpy({ shape: [2, 2048], data: Float32Array.of(...expected.mean, ...expected.std) }));
    expect(await readStatistics(npy, shape)).toEqual(expected);
    await expect(readStatistics(npy, { ...shape, channels: 16 })).rejects.toThrow(
      /mean has 2048 elements, the latent 1024/,
    );
    await expect(readStatistics(path, shape)).rejects.toMatchObject({ code: "import-stats" });
  });
});
