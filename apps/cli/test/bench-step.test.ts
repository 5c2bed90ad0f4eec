/** The benchmark's step trains, on any engine; presets are the paper's; the extrapolation is arithmetic. */
import { createRandom, PluginRegistry, quietContext } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import { createCodec, createTransform, planTraining, type RunConfig } from "@revq/train";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { durationText, fullTraining } from "../src/bench/full-training.js";
import { benchCodec, type BenchCodec } from "../src/bench/rectifier-step.js";
import { latentShape, stepSetup } from "../src/bench/step-setup.js";
import { benchStep, type StepReport } from "../src/bench/step.js";
import { discoverPlugins } from "../src/composition/discover-plugins.js";

const plugins = new PluginRegistry();
let engine: Engine;

beforeAll(async () => {
  const { plugins: found } = await discoverPlugins([], import.meta.dirname);
  for (const { plugin, origin } of found) plugins.register(plugin, origin);
  engine = await createEngine({ engine: "wasm" });
});
afterAll(() => engine.dispose());

interface Setup {
  readonly config: RunConfig;
  readonly codec: BenchCodec;
  dispose(): void;
}

/** A setup that takes milliseconds. */
async function smallest(recipe: RunConfig["recipe"], transformId = "none"): Promise<Setup> {
  const { config: tiny } = stepSetup("tiny", 1, plugins);
  const quantizer = { id: "multigroup", tokens: 64, codes: 4, split: "channel", groups: "token" };
  const transform = { ...tiny.transform, id: transformId };
  const config: RunConfig = { ...tiny, recipe, transform, quantizer, train: { ...tiny.train, batch: 2 } };
  const context = quietContext(createRandom(0));
  const plan = await planTraining({ config, latentShape, samples: 100, plugins, context });
  const created = await createTransform(plan, plugins);
  const codec = await createCodec(plan, plugins, createRandom(0));
  const dispose = (): void => [created, codec.quantizer, codec.rectifier].forEach((part) => part.dispose());
  return { config, codec: benchCodec(created, codec), dispose };
}

async function bench({ config, codec }: Setup, signal: AbortSignal): Promise<StepReport & { reports: number[] }> {
  const reports: number[] = [];
  const report = (done: number): void => void reports.push(done);
  const random = createRandom(0);
  return { ...(await benchStep({ codec, config, engine, random, steps: 1, signal, report })), reports };
}

async function sums({ codec }: Setup): Promise<{ codebooks: number; rectifier: number }> {
  const sum = async (variables: Record<string, tf.Tensor>): Promise<number> => {
    const total = tf.tidy(() => tf.addN(Object.values(variables).map((variable) => tf.sum(tf.square(variable)))));
    const value = (await total.data())[0]!;
    total.dispose();
    return value;
  };
  return { codebooks: await sum({ ...codec.quantizer.state() }), rectifier: await sum({ ...codec.rectifier.state() }) };
}

describe("benchStep", () => {
  it.each([
    ["paper", "none"],
    ["kmeans", "none"],
    ["kmeans", "dct-klt"],
  ] as const)("recipe %s, transform %s: trains, and leaves no tensor behind", async (recipe, transform) => {
    const setup = await smallest(recipe, transform);
    const before = await sums(setup);
    const tensors = tf.memory().numTensors;
    const { msPerStep, reports, gpuBytes } = await bench(setup, new AbortController().signal);
    expect(tf.memory().numTensors).toBe(tensors);
    expect(gpuBytes).toBeNull();
    expect(reports).toEqual(reports.map((_, i) => i + 1));
    for (const ms of Object.values(msPerStep)) expect(ms).toBeGreaterThanOrEqual(0);
    expect(msPerStep.total).toBeGreaterThan(0);
    expect(Object.keys(msPerStep)).toEqual(["quantize", "rectifierForward", "rectifierBackward", "optimizer", "total"]);
    expect((await sums(setup)).rectifier).not.toBe(before.rectifier);
    setup.dispose();
  });

  it("moves the codebooks in recipe paper alone", async () => {
    const codebooks: number[] = [];
    for (const recipe of ["paper", "kmeans"] as const) {
      const setup = await smallest(recipe);
      await bench(setup, new AbortController().signal);
      codebooks.push((await sums(setup)).codebooks);
      setup.dispose();
    }
    // Both start at the same numbers.
    expect(codebooks[0]).not.toBe(codebooks[1]);
  });

  it("stops when it is told to, and cleans up", async () => {
    const setup = await smallest("paper");
    const tensors = tf.memory().numTensors;
    await expect(bench(setup, AbortSignal.abort(new Error("stopped")))).rejects.toThrow("stopped");
    expect(tf.memory().numTensors).toBe(tensors);
    setup.dispose();
  });
});

describe("stepSetup", () => {
  it("has the paper's presets on ImageNet", () => {
    const { config, images } = stepSetup("512T", undefined, plugins);
    expect(config).toMatchObject({
      recipe: "paper",
      quantizer: { tokens: 512, codes: 16384 },
      train: { batch: 256, epochs: 100 },
    });
    expect(images).toBe(1_281_167);
    expect(stepSetup("512T", 16, plugins).config.train.batch).toBe(16);
  });

  it("has the rectifier of the baseline: 204 k parameters, one codebook a token", async () => {
    const { config, images } = stepSetup("small", undefined, plugins);
    const context = quietContext(createRandom(0));
    const { summary } = await planTraining({ config, latentShape, samples: images, plugins, context });
    expect(summary).toMatchObject({ tokens: 256, groups: 256, parameters: { rectifier: 203_872 } });
    expect(summary.codes[0]).toBe(512);
  });
});

describe("fullTraining", () => {
  it("drops the last partial batch of an epoch", () => {
    const full = fullTraining("paper", { epochs: 100, batch: 256 }, 1_281_167, { quantize: 7, total: 360 });
    expect(full).toEqual({ epochs: 100, images: 1_281_167, steps: 500_400, hours: 50.04 });
  });

  it("quantizes once in recipe kmeans, and takes at least one step an epoch", () => {
    const full = fullTraining("kmeans", { epochs: 3, batch: 16 }, 10, { quantize: 600, total: 1000 });
    expect(full.steps).toBe(3);
    expect(full.hours * 3600).toBeCloseTo(3.6, 9);
  });

  it.each([
    [1 / 3600, "1.0 seconds"],
    [1, "60 minutes"],
    [30, "30 hours"],
    [24 * 40, "40 days"],
    [24 * 365.25 * 2.5, "2.5 years"],
  ])("%d hours: %s", (hours, text) => expect(durationText(hours)).toBe(text));
});
