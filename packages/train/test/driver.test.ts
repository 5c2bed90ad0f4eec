/**
 * A run that is stopped in the middle and resumed ends with the same bits as one that is not, with
 * both recipes.
 */
import { createRandom, parseOptions, toNamedArrays, type LatentShape, type NamedArrays } from "@revq/core";
import { inMemoryLatents } from "@revq/data";
import { createEngine, type Engine } from "@revq/engine";
import { multigroup } from "@revq/quantizer-multigroup";
import { efficientvit } from "@revq/rectifier-efficientvit";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { RecipeName } from "../src/config/recipes.js";
import type { LatentSet } from "../src/evaluation/latent-batches.js";
import { runRecipe, type RecipeResult } from "../src/recipes/driver.js";
import { recipes } from "../src/recipes/index.js";
import { CheckpointStore } from "../src/run/checkpoints.js";
import type { EpochRecord, PassRecord } from "../src/run/records.js";

let engine: Engine;
let folder: string;
beforeAll(async () => {
  engine = await createEngine({ engine: "wasm" });
});
afterAll(() => engine.dispose());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "revq-driver-"));
});
afterEach(() => rm(folder, { recursive: true }));

const shape: LatentShape = { channels: 4, height: 4, width: 4 };
const transform = { block: [1, 1], blocks: 16, decorrelated: false } as const;
const space = { inverse: (coefficients: Tensor4D): Tensor4D => tf.clone(coefficients) };
const settings = {
  epochs: 2,
  batch: 8,
  learningRate: 0.01,
  rectifierRate: 1,
  weightDecay: 1e-4,
  finalRate: 0.05,
  clipNorm: 1,
  jointLoss: false,
  select: "auto" as const,
  measureSamples: 10,
  encodeBatch: 8,
  checkpointSteps: 3,
  keepCheckpoints: 1,
};
const run = { seed: 7 };

function latents(count: number, seed: number): LatentSet {
  const random = createRandom(seed);
  const source = inMemoryLatents(
    shape,
    Float32Array.from({ length: count * 64 }, () => random.normal()),
  );
  return { standardized: source, coefficients: source };
}

interface Outcome {
  readonly result: RecipeResult;
  readonly records: readonly (PassRecord | EpochRecord)[];
  readonly arrays: NamedArrays;
}

/**
 * @param stopAfter steps; the run is then aborted
 * @param views of every training latent
 */
async function train(name: RecipeName, { resume = false, stopAfter = Infinity, views = 1 } = {}): Promise<Outcome> {
  const options = parseOptions(multigroup, {
    tokens: 16,
    codes: 8,
    split: "channel",
    groups: "token",
    ...multigroup.sets?.[name],
  });
  const quantizer = await multigroup.create(options, { latentShape: shape, transform });
  const rectifierOptions = parseOptions(efficientvit, {
    channels: 8,
    layers: 1,
    headDim: 4,
    ...efficientvit.sets?.[name],
  });
  const random = createRandom(run.seed);
  const rectifier = await efficientvit.create(rectifierOptions, {
    latentShape: shape,
    random: random.fork("rectifier"),
  });
  const stop = new AbortController();
  const checkpoints = new CheckpointStore(folder, settings.keepCheckpoints, () => {});
  const records: (PassRecord | EpochRecord)[] = [];
  const input = {
    codec: { space, quantizer, rectifier },
    train: { ...latents(44 * views, 1), distinct: 44 },
    val: latents(12, 2),
    grid: null,
    settings,
    context: {
      random,
      signal: stop.signal,
      report: ({ phase, done }: { phase: string; done: number }) => {
        if (phase.startsWith("train") && done >= stopAfter) stop.abort(new Error("stopped"));
      },
    },
    fitCheckpoints: await checkpoints.ofFit(run, false),
    idTable: (table: string) => ({ memoryLimit: 0, path: join(folder, "ids", table) }),
  };
  const resumed = resume ? await checkpoints.latest(run) : null;
  records.push(...(resumed?.passes ?? []), ...(resumed?.epochs ?? []));
  try {
    const result = await runRecipe(recipes[name](input), {
      ...input,
      resumed,
      onRecord: async (record) => void records.push(record),
      save: (step, checkpoint) => checkpoints.save(step, { ...checkpoint, run }),
    });
    const arrays = await toNamedArrays({ ...quantizer.state(), ...rectifier.state() });
    return { result, records, arrays: structuredClone(arrays) };
  } finally {
    quantizer.dispose();
    rectifier.dispose();
  }
}

describe.each(["kmeans", "paper"] as const)("recipe %s", (name) => {
  // 44 latents in batches of 8: 5 steps per epoch. Checkpoints are made after step 3 and at the end
  // of an epoch.
  it.each([2, 3, 5, 9])("stopped after step %i and resumed ends with the same bits and records", async (stopAfter) => {
    const whole = await train(name);
    await rm(folder, { recursive: true });
    await expect(train(name, { stopAfter })).rejects.toThrow("stopped");
    const resumed = await train(name, { resume: true });
    expect(resumed.arrays).toEqual(whole.arrays);
    expect(resumed.records).toEqual(whole.records);
    expect(resumed.result.rectifierHelps).toBe(whole.result.rectifierHelps);
    expect(resumed.result.idCounts.counts).toEqual(whole.result.idCounts.counts);
  });

  it("with views of the latents takes as many steps, counts no view and resumes with the same bits", async () => {
    const whole = await train(name, { views: 3 });
    await rm(folder, { recursive: true });
    await expect(train(name, { views: 3, stopAfter: 7 })).rejects.toThrow("stopped");
    const resumed = await train(name, { views: 3, resume: true });
    expect(resumed.arrays).toEqual(whole.arrays);
    expect(resumed.records).toEqual(whole.records);
    const plain = await train(name);
    expect(whole.result.steps).toBe(plain.result.steps);
    expect(whole.result.idCounts.counts.reduce((sum, count) => sum + count, 0)).toBe(44 * 16);
    expect(whole.result.prior.images).toBe(44);
    expect(whole.arrays).not.toEqual(plain.arrays);
  });

  it("has a record per epoch and leaves no tensor behind", async () => {
    await train(name);
    const before = tf.memory().numTensors;
    const { result } = await train(name);
    expect(result.epochs.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(tf.memory().numTensors).toBe(before);
  });
});
