import { RevqError } from "@revq/core";
import { mkdtemp, readdir, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CheckpointStore, type Checkpoint } from "../src/run/checkpoints.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "revq-checkpoints-"));
});
afterEach(() => rm(folder, { recursive: true }));

const run = { seed: 1, recipe: "kmeans" };
function checkpoint(step: number): Checkpoint {
  return {
    run,
    passes: [{ pass: 1, mse: 0.5, usage: 1 }],
    epochs: [],
    stepsIntoEpoch: step,
    seconds: { fitCodebooks: 1, trainRectifier: 2 },
    arrays: {
      "rectifier.weight": { shape: [2, 2], data: Float32Array.of(1, 2, 3, step) },
      counts: { shape: [2], data: Int32Array.of(step, -1) },
    },
  };
}

describe("CheckpointStore", () => {
  it("gives back what it saved, bit for bit, and keeps the newest few", async () => {
    const store = new CheckpointStore(folder, 2, () => {});
    expect(await store.latest(run)).toBeNull();
    for (const step of [1, 2, 10]) await store.save(step, checkpoint(step));
    expect((await readdir(folder)).sort()).toEqual(["step-00000002.safetensors", "step-00000010.safetensors"]);
    expect(await store.latest(run)).toEqual(checkpoint(10));
  });

  it.each([NaN, Infinity])(
    "keeps what it has when a number is %d, and names the tensor and the step",
    async (value) => {
      const store = new CheckpointStore(folder, 1, () => {});
      await store.save(1, checkpoint(1));
      await expect(store.save(2, checkpoint(value))).rejects.toThrow(
        `rectifier.weight holds ${value} after step 2 of the run (epoch 1).`,
      );
      expect(await store.latest(run)).toEqual(checkpoint(1));
    },
  );

  it("skips a damaged checkpoint and says so", async () => {
    const notes: string[] = [];
    const store = new CheckpointStore(folder, 3, (line) => notes.push(line));
    await store.save(1, checkpoint(1));
    await store.save(2, checkpoint(2));
    await truncate(join(folder, "step-00000002.safetensors"), 60);
    expect((await store.latest(run))?.stepsIntoEpoch).toBe(1);
    expect(notes.join()).toMatch(/step-00000002.*cannot be read/);
  });

  it("refuses to go on with other settings, naming them", async () => {
    const store = new CheckpointStore(folder, 3, () => {});
    await store.save(1, checkpoint(1));
    await expect(store.latest({ ...run, seed: 2 })).rejects.toThrow(RevqError);
    await expect(store.latest({ ...run, seed: 2 })).rejects.toThrow("seed: 1 -> 2");
  });
});
