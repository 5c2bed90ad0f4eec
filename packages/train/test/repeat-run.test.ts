/**
 * A run whose picture steps were left open looks at the clock. Its run/config.yaml has the numbers
 * that it decided, so that it can be repeated and resumed.
 */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import type { TrainResult } from "../src/index.js";
import { mixingRuns } from "./support/mixing-runs.js";

const runs = mixingRuns();
const { run, pinned, model, stopped } = runs;

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
    const lines = (await readFile(runs.path("first", "run", "metrics.jsonl"), "utf8")).trim().split("\n");
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
    await expect(run("resumed", { train, resume: true })).rejects.toThrow(
      "had other settings: train.pictureSteps: auto -> 1",
    );
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
