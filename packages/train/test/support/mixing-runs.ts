/**
 * Whole runs on procedural images, with a VAE of one matrix: latents are the pixels. They take a
 * second each.
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
import { afterAll, beforeAll } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { resolveConfig, trainTokenizer, type ConfigLayer, type NamedLayer, type TrainResult } from "../../src/index.js";

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

export const settings = {
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

export interface Start {
  readonly train?: object;
  /** Other settings beside those of `train`. */
  readonly others?: ConfigLayer;
  /** Settings of another run's run/config.yaml. */
  readonly like?: string;
  readonly resume?: boolean;
}

export interface MixingRuns {
  run(out: string, start?: Start): Promise<TrainResult>;
  /** What the last run said. */
  readonly notes: readonly string[];
  /** The text of run/config.yaml. */
  pinned(out: string): Promise<string>;
  model(out: string): Promise<Buffer>;
  /** Names of the checkpoints, oldest first. */
  checkpoints(out: string): Promise<string[]>;
  /** A copy of a run that was stopped at its nth checkpoint. */
  stopped(run: string, out: string, nth: number): Promise<void>;
  path(...parts: string[]): string;
}

/** For one test file: starts an engine and makes a folder, and removes both in the end. */
export function mixingRuns(): MixingRuns {
  let engine: Engine;
  let root: string;
  let notes: string[] = [];
  beforeAll(async () => {
    engine = await createEngine({ engine: "wasm" });
    root = await mkdtemp(join(tmpdir(), "revq-runs-"));
  });
  afterAll(async () => {
    engine.dispose();
    await rm(root, { recursive: true });
  });

  const path = (...parts: string[]): string => join(root, ...parts);
  const pinned = (out: string): Promise<string> => readFile(path(out, "run", "config.yaml"), "utf8");
  const checkpoints = async (out: string): Promise<string[]> => (await readdir(path(out, "run", "checkpoints"))).sort();
  return {
    path,
    pinned,
    checkpoints,
    model: (out) => readFile(path(out, "model.safetensors")),
    get notes() {
      return notes;
    },

    async run(out, { train = {}, others = {}, like, resume = false } = {}) {
      const given = like ? (parse(await pinned(like)) as ConfigLayer) : settings;
      const layers: NamedLayer[] = [
        { name: "file", values: given },
        { name: "flags", values: { ...others, out: path(out), train } },
      ];
      notes = [];
      return trainTokenizer(
        resolveConfig(layers, plugins),
        { resume },
        {
          plugins,
          openWeights: () => Promise.reject(new Error("not needed")),
          sampleImages: { folder: "", photographOf: (name) => name },
          engine: engine.id,
          report: () => {},
          note: (line) => notes.push(line),
          signal: new AbortController().signal,
        },
      );
    },

    async stopped(run, out, nth) {
      await cp(path(run), path(out), { recursive: true });
      await rm(path(out, "model.safetensors"));
      for (const name of (await checkpoints(out)).slice(nth)) await rm(path(out, "run", "checkpoints", name));
    },
  };
}
