/** The benchmark's step trains, on any engine; presets are the paper's; the extrapolation is arithmetic. */
import { createRandom, PluginRegistry } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import { makePlanned, planTraining, type MadePlan, type RunConfig } from "@revq/train";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { durationText, fullTraining } from "../src/bench/full-training.js";
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

/** A setup that takes milliseconds. */
function smallest(recipe: RunConfig["recipe"]): { config: RunConfig; plan: MadePlan } {
  const { config: tiny } = stepSetup("tiny", 1, plugins);
  const quantizer = { id: "multigroup", tokens: 64, codes: 4, split: "channel", groups: "token" };
  const config: RunConfig = { ...tiny, recipe, quantizer, train: { ...tiny.train, batch: 2 } };
  return { config, plan: makePlanned(planTraining(config, latentShape, 100, plugins), plugins, createRandom(0)) };
}

async function bench(
  { config, plan }: ReturnType<typeof smallest>,
  signal: AbortSignal,
): Promise<StepReport & { reports: number[] }> {
  const reports: number[] = [];
  const report = (done: number): void => void reports.push(done);
  return { ...(await benchStep({ plan, config, engine, random: createRandom(0), steps: 1, signal, report })), reports };
}

async function sums(plan: MadePlan): Promise<{ codebooks: number; rectifier: number }> {
  const sum = async (variables: Record<string, tf.Tensor>): Promise<number> => {
    const total = tf.tidy(() => tf.addN(Object.values(variables).map((variable) => tf.sum(tf.square(variable)))));
    const value = (await total.data())[0]!;
    total.dispose();
    return value;
  };
  return {
    codebooks: await sum({ ...plan.quantizer.instance.state() }),
    rectifier: await sum({ ...plan.rectifier.instance.state() }),
  };
}

describe("benchStep", () => {
  it.each(["paper", "fit"] as const)("recipe %s: trains, and leaves no tensor behind", async (recipe) => {
    const made = smallest(recipe);
    const before = await sums(made.plan);
    const tensors = tf.memory().numTensors;
    const { msPerStep, reports, gpuBytes } = await bench(made, new AbortController().signal);
    expect(tf.memory().numTensors).toBe(tensors);
    expect(gpuBytes).toBeNull();
    expect(reports).toEqual(reports.map((_, i) => i + 1));
    for (const ms of Object.values(msPerStep)) expect(ms).toBeGreaterThanOrEqual(0);
    expect(msPerStep.total).toBeGreaterThan(0);
    expect(Object.keys(msPerStep)).toEqual(["quantize", "rectifierForward", "rectifierBackward", "optimizer", "total"]);
    expect((await sums(made.plan)).rectifier).not.toBe(before.rectifier);
    made.plan.quantizer.instance.dispose();
    made.plan.rectifier.instance.dispose();
  });

  it("moves the codebooks in recipe paper alone", async () => {
    const codebooks: number[] = [];
    for (const recipe of ["paper", "fit"] as const) {
      const made = smallest(recipe);
      await bench(made, new AbortController().signal);
      codebooks.push((await sums(made.plan)).codebooks);
      made.plan.quantizer.instance.dispose();
      made.plan.rectifier.instance.dispose();
    }
    // Both start at the same numbers.
    expect(codebooks[0]).not.toBe(codebooks[1]);
  });

  it("stops when it is told to, and cleans up", async () => {
    const made = smallest("paper");
    const tensors = tf.memory().numTensors;
    await expect(bench(made, AbortSignal.abort(new Error("stopped")))).rejects.toThrow("stopped");
    expect(tf.memory().numTensors).toBe(tensors);
    made.plan.quantizer.instance.dispose();
    made.plan.rectifier.instance.dispose();
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

  it("has the rectifier of the baseline: 204 k parameters, one codebook a token", () => {
    const { config, images } = stepSetup("small", undefined, plugins);
    const { summary } = planTraining(config, latentShape, images, plugins);
    expect(summary).toMatchObject({ tokens: 256, groups: 256, parameters: { rectifier: 203_872 } });
    expect(summary.codes[0]).toBe(512);
  });
});

describe("fullTraining", () => {
  it("drops the last partial batch of an epoch", () => {
    const full = fullTraining("paper", { epochs: 100, batch: 256 }, 1_281_167, { quantize: 7, total: 360 });
    expect(full).toEqual({ epochs: 100, images: 1_281_167, steps: 500_400, hours: 50.04 });
  });

  it("looks codes up once in recipe fit, and takes at least one step an epoch", () => {
    const full = fullTraining("fit", { epochs: 3, batch: 16 }, 10, { quantize: 600, total: 1000 });
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
