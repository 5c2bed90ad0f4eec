/**
 * A finished run is trained further. Where the learning rate is constant, the outcome must be the run that had the larger
 * number from its start; a picture stage that begins again must always end as that run does.
 */
import { readdir, readFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { TrainResult } from "../src/index.js";
import { mixingRuns } from "./support/mixing-runs.js";

const runs = mixingRuns();
const { run, model, stopped, pinned, checkpoints } = runs;

/** The rate stays the same: the number of epochs then changes nothing about the first ones. */
const constant = { finalRate: 1, pictureSteps: 0, decoderSteps: 0, select: "latent" };
const refused = "The run to be resumed had other settings: ";

describe.each(["kmeans", "paper"])("more epochs in recipe %s", (recipe) => {
  const others = { recipe, transform: { id: "none", metric: "standardized" } };
  const [short, long] = [`${recipe}-short`, `${recipe}-long`];

  beforeAll(async () => {
    await run(short, { train: constant, others });
    await run(long, { train: { ...constant, epochs: 4 }, others });
  });

  it("go on where the run ended: at a constant rate with the bits of a run of that length", async () => {
    const first = await model(short);
    const further = await run(short, { train: { ...constant, epochs: 4 }, others, resume: true });
    expect(further.epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
    expect(runs.notes.join(" ")).toMatch(/Resuming after epoch 2\. The run goes on to epoch 4\. .*learning rate/);
    expect(await model(short)).toEqual(await model(long));
    expect(await model(short)).not.toEqual(first);
    expect(parse(await pinned(short))).toMatchObject({ train: { epochs: 4 } });
  });

  it("are refused by name when they are fewer", async () => {
    const fewer = run(long, { train: { ...constant, epochs: 1 }, others, resume: true });
    await expect(fewer).rejects.toThrow(`${refused}train.epochs: 4 -> 1.`);
    await expect(fewer).rejects.toMatchObject({ setting: { path: "train.epochs", value: 4 } });
  });
});

describe("more epochs at a falling rate", () => {
  const train = { pictureSteps: 0, decoderSteps: 0 };
  it("end with the same bits when the longer run is stopped on its way", async () => {
    await run("falling", { train });
    await run("falling", { train: { ...train, epochs: 4 }, resume: true });
    await stopped("falling", "falling-stopped", -1);
    await run("falling-stopped", { train: { ...train, epochs: 4 }, resume: true });
    expect(await model("falling-stopped")).toEqual(await model("falling"));
  });

  it("count from the number that an open one had", async () => {
    const open = { ...train, epochs: "auto" };
    await run("open", { train: open });
    const fewer = run("open", { train: { ...train, epochs: 3 }, resume: true });
    await expect(fewer).rejects.toThrow(`${refused}train.epochs: 6 -> 3.`);
    const same = await run("open", { train: { ...train, epochs: 6 }, resume: true });
    expect(same.epochs).toHaveLength(6);
    expect(runs.notes.join(" ")).not.toContain("goes on to");
    expect((await run("open", { train: { ...train, epochs: 7 }, resume: true })).epochs).toHaveLength(7);
  });
});

describe("another picture stage", () => {
  const ten = { adaptDecoder: "all", pictureSteps: 10, decoderSteps: 10 };
  const twenty = { ...ten, decoderSteps: 20 };
  let longer: TrainResult;
  beforeAll(async () => {
    await run("ten", { train: ten });
    longer = await run("twenty", { train: twenty });
  });

  it("begins again after the epochs, and ends as in a run that had it from the start", async () => {
    const again = await run("ten", { train: twenty, resume: true });
    expect(runs.notes.join(" ")).toMatch(/Resuming after epoch 2\. The picture stage begins again\./);
    expect(again.pictures!.steps).toEqual({ pictures: 10, decoder: 20 });
    expect(again.pictures!.scores).toEqual(longer.pictures!.scores);
    expect(await model("ten")).toEqual(await model("twenty"));
    expect(await checkpoints("ten")).toEqual(await checkpoints("twenty"));
    const metrics = (out: string): Promise<string[]> =>
      readFile(runs.path(out, "run", "metrics.jsonl"), "utf8").then((text) => text.trim().split("\n").slice(0, -1));
    expect(await metrics("ten")).toEqual(await metrics("twenty"));
  });

  it("follows more epochs", async () => {
    const train = { ...twenty, epochs: 3 };
    const result = await run("twenty", { train, resume: true });
    expect(result.epochs).toHaveLength(3);
    expect(result.pictures!.steps).toEqual({ pictures: 10, decoder: 20 });
    await stopped("twenty", "twenty-stopped", -2);
    await run("twenty-stopped", { train, resume: true });
    expect(await model("twenty-stopped")).toEqual(await model("twenty"));
  });

  it("is refused in the middle of one", async () => {
    await stopped("ten", "middle", -2);
    expect(await readdir(runs.path("middle"))).not.toContain("model.safetensors");
    await expect(run("middle", { train: ten, resume: true })).rejects.toThrow(
      `${refused}train.decoderSteps: 20 -> 10.`,
    );
  });
});
