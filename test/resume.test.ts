/** `--resume` as a user types it: the folder alone is enough, and what is named on top counts or is refused by name. */
import type { TrainResult } from "@revq/train";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { revq, revqJson, sampleImages, temporaryFolder, type Outcome } from "./support/revq.js";

const folder = await temporaryFolder();
const cwd = folder.path;
const first = [
  ...["--backbone", "linear", "--image-size", "32", "--tokens", "16", "--codes", "4", "--lpips", "none"],
  ...["--rectifier", "cnn", "--set", "rectifier.channels=4", "--picture-steps", "0", "--seed", "5", "--epochs", "2"],
];
const read = (...path: string[]): Promise<Buffer> => readFile(join(cwd, ...path));

beforeAll(async () => {
  await mkdir(join(cwd, "photos"));
  for (const name of (await readdir(sampleImages)).slice(0, 8))
    await cp(join(sampleImages, name), join(cwd, "photos", name));
  await revqJson(["train", "--data", "photos", ...first, "-o", "run"], { cwd });
}, 120_000);

afterAll(() => folder.remove());

/** A copy of the run that was stopped after its first epoch. */
async function stopped(name: string): Promise<void> {
  await cp(join(cwd, "run"), join(cwd, name), { recursive: true });
  for (const file of ["model.safetensors", "config.json", "README.md"]) await rm(join(cwd, name, file));
  const checkpoints = join(cwd, name, "run", "checkpoints");
  const [, ...later] = (await readdir(checkpoints)).sort();
  for (const file of later) await rm(join(checkpoints, file));
}

const resume = (out: string, ...more: string[]): Promise<Outcome> =>
  revq(["train", "--resume", "-o", out, ...more], { cwd });

describe("a run that is resumed with its folder alone", () => {
  it("has its own settings and ends with the same bytes", async () => {
    await stopped("stopped");
    const { code, stderr } = await resume("stopped");
    expect(code, stderr).toBe(0);
    expect(stderr).toContain("Resuming after epoch 1.");
    expect(stderr).not.toContain("Settings that change");
    expect(await read("stopped", "model.safetensors")).toEqual(await read("run", "model.safetensors"));
    expect(await read("stopped", "config.json")).toEqual(await read("run", "config.json"));
    const [was, is] = [await read("run", "run", "config.yaml"), await read("stopped", "run", "config.yaml")];
    expect({ ...(parse(is.toString()) as object), out: "" }).toEqual({ ...(parse(was.toString()) as object), out: "" });
  }, 60_000);

  it("takes what does not decide the result, and says so", async () => {
    await stopped("changed");
    const { code, stderr } = await resume("changed", "--engine", "wasm", "--set", "train.checkpointSteps=7");
    expect(code, stderr).toBe(0);
    expect(stderr).toContain("Settings that change: engine: auto -> wasm; train.checkpointSteps: 200 -> 7.");
    expect(stderr).toContain("Engine: wasm");
  }, 60_000);

  it("trains a finished run further", async () => {
    await cp(join(cwd, "run"), join(cwd, "further"), { recursive: true });
    const further = await revqJson<TrainResult>(["train", "--resume", "-o", "further", "--epochs", "4"], { cwd });
    expect(further.epochs).toHaveLength(4);
    expect(parse((await read("further", "run", "config.yaml")).toString())).toMatchObject({ train: { epochs: 4 } });
  }, 60_000);

  it.each([
    [["--epochs", "1"], "train.epochs: 2 -> 1", "(--epochs 2)"],
    [["--image-size", "64", "--seed", "6"], "seed: 5 -> 6; data.imageSize: 32 -> 64", "another folder"],
  ])("refuses %s by name, before an engine starts", async (flags, change, advice) => {
    const { code, stderr } = await resume("run", ...flags);
    expect(code).toBe(1);
    expect(stderr).toContain(`had other settings: ${change}.`);
    expect(stderr).toContain(advice);
    expect(stderr).not.toContain("Engine:");
  });
});

it("a run that failed before it trained takes any settings on top of its own", async () => {
  await mkdir(join(cwd, "failed", "run"), { recursive: true });
  const settings = "seed: 1\ndata:\n  train: photos\nquantizer:\n  id: fsq\n  levels: [3]\n";
  await writeFile(join(cwd, "failed", "run", "config.yaml"), settings);
  const { code, stderr } = await resume("failed", ...first, "--quantizer", "multigroup");
  expect(code, stderr).toBe(0);
  const is = parse((await read("failed", "run", "config.yaml")).toString()) as object;
  expect(is).toMatchObject({ seed: 5, data: { train: "photos" }, quantizer: { codes: 4 } });
}, 60_000);
