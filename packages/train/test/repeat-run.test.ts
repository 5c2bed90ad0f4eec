/**
 * A run whose picture steps were left open looks at the clock. Its run/config.yaml has the numbers
 * that it decided, so that it can be repeated and resumed. Runs on procedural images, with a VAE of
 * one matrix.
 */
import { definePlugin, PluginRegistry, type NamedTensors } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import { multigroup } from "@revq/quantizer-multigroup";
import { cnn } from "@revq/rectifier-cnn";
import { none } from "@revq/transform-block";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { resolveConfig, trainTokenizer, type ConfigLayer, type TrainResult } from "../src/index.js";

/** Latents are the pixels; decoding mixes their channels. */
const mixing = definePlugin({
  kind: "backbone",
  id: "mixing",
  title: "mixing",
  options: z.strictObject({}),
  weights: "optional",
  create: async (_options, { state }) => {
    const start = tf.tensor2d([0.9, 0.2, 0, 0.1, 0.8, 0.1, 0, -0.2, 0.9], [3, 3]);
    const weights: NamedTensors = { "decoder.weight": tf.clone(state?.["decoder.weight"] ?? start) };
    const decode = (latents: Tensor4D, replaced: NamedTensors = {}): Tensor4D => {
      const matrix = (replaced["decoder.weight"] ?? weights["decoder.weight"]) as Tensor2D;
      return tf.reshape(tf.tanh(tf.matMul(tf.reshape(latents, [-1, 3]), matrix)), latents.shape);
    };
    return {
      spec: { name: "mixing", downsample: 1, latentChannels: 3, decodes: true },
      encode: async (images) => tf.clone(images),
      decode: async (latents) => tf.tidy(() => decode(latents)),
      state: () => weights,
      gradients: {
        stages: [["decoder.weight"]],
        decode: (latents, replaced) => ({ images: decode(latents, replaced), features: [] }),
      },
      dispose: () => tf.dispose({ ...weights }),
    };
  },
});

const plugins = new PluginRegistry();
for (const plugin of [mixing, multigroup, none, cnn]) plugins.register(plugin, "test");

const settings = {
  seed: 3,
  data: { train: "synthetic:dead-leaves", limit: 20, imageSize: 12 },
  backbone: { id: "mixing" },
  transform: { id: "none" },
  quantizer: { tokens: 36, codes: 4, split: "channel", groups: "channel" },
  rectifier: { id: "cnn", channels: 4, layers: 1 },
  score: { reportImages: 0 },
  train: {
    epochs: 2,
    checkpointSteps: 10,
    keepCheckpoints: 1000,
    picture: { batch: 1, crop: 4, measureImages: 2 },
  },
};

let engine: Engine;
let root: string;
beforeAll(async () => {
  engine = await createEngine({ engine: "wasm" });
  root = await mkdtemp(join(tmpdir(), "revq-repeat-"));
});
afterAll(async () => {
  engine.dispose();
  await rm(root, { recursive: true });
});

interface Start {
  readonly train?: object;
  /** Settings of another run's run/config.yaml. */
  readonly like?: string;
  readonly resume?: boolean;
}

async function run(out: string, { train = {}, like, resume = false }: Start = {}): Promise<TrainResult> {
  const given = like ? (parse(await pinned(like)) as ConfigLayer) : settings;
  const layers = [
    { name: "file", values: given },
    { name: "flags", values: { out: join(root, out), train } },
  ];
  return trainTokenizer(
    resolveConfig(layers, plugins),
    { resume },
    {
      plugins,
      openWeights: () => Promise.reject(new Error("not needed")),
      sampleImages: { folder: "", photographOf: (name) => name },
      engine: engine.id,
      report: () => {},
      note: () => {},
      signal: new AbortController().signal,
    },
  );
}

const pinned = (out: string): Promise<string> => readFile(join(root, out, "run", "config.yaml"), "utf8");
const model = (out: string): Promise<Buffer> => readFile(join(root, out, "model.safetensors"));

/** A copy of a run that was stopped at its nth checkpoint. */
async function stopped(run: string, out: string, nth: number): Promise<void> {
  await cp(join(root, run), join(root, out), { recursive: true });
  await rm(join(root, out, "model.safetensors"));
  const checkpoints = join(root, out, "run", "checkpoints");
  for (const name of (await readdir(checkpoints)).sort().slice(nth)) await rm(join(checkpoints, name));
}

describe("a run with open picture steps", () => {
  let first: TrainResult;
  beforeAll(async () => {
    first = await run("first", { train: { adaptDecoder: "all" } });
  });

  it("writes down how many steps it took", async () => {
    const { steps } = first.pictures!;
    expect(steps.pictures).toBe(0); // all of the time is the decoder's
    expect(steps.decoder).toBeGreaterThanOrEqual(50);
    const text = await pinned("first");
    expect(parse(text)).toMatchObject({ train: { pictureSteps: steps.pictures, decoderSteps: steps.decoder } });
    expect(text).toMatch(/ pictureSteps: \d+ .*\(auto, as the run decided\)/);
    const lines = (await readFile(join(root, "first", "run", "metrics.jsonl"), "utf8")).trim().split("\n");
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ result: { pictures: { steps } } });
  });

  it("is repeated by its run/config.yaml, bit by bit", async () => {
    const repeated = await run("repeated", { like: "first" });
    expect(repeated.pictures!.steps).toEqual(first.pictures!.steps);
    expect(repeated.pictures!.scores).toEqual(first.pictures!.scores);
    expect((await model("repeated")).equals(await model("first"))).toBe(true);
  });

  it("is resumed by its settings and by its run/config.yaml, but not with other numbers", async () => {
    const train = { adaptDecoder: "all", pictureSteps: first.pictures!.steps.pictures! + 1 };
    await stopped("first", "resumed", 6);
    await expect(run("resumed", { train, resume: true })).rejects.toThrow("had other settings: train was");
    await run("resumed", { like: "resumed", resume: true });
    expect((await model("resumed")).equals(await model("first"))).toBe(true);
    // A checkpoint that was written by a resumed run with the numbers in its configuration.
    await stopped("resumed", "again", 12);
    await run("again", { train: { adaptDecoder: "all" }, resume: true });
    expect((await model("again")).equals(await model("first"))).toBe(true);
    expect(await pinned("again")).toMatch(/ decoderSteps: \d+ .*\(auto, as the run decided\)/);
  });

  it("is repeated too where no step fits: the score that decided is named", async () => {
    // Each look at the clock takes longer than the one before, so a step is slower than all before it.
    let time = 0;
    const clock = vi.spyOn(performance, "now").mockImplementation(() => (time = 1.2 * time + 1));
    const none = await run("none", { train: { adaptDecoder: "none" } });
    clock.mockRestore();
    expect(none.pictures!.steps).toEqual({ pictures: 0 });
    expect(parse(await pinned("none"))).toMatchObject({ train: { pictureSteps: 0, select: "psnr" } });
    const repeated = await run("none again", { like: "none" });
    expect(repeated.pictures!.kept).toBe(none.pictures!.kept);
    expect((await model("none again")).equals(await model("none"))).toBe(true);
  });
});
