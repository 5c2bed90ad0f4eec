/** Which settings a call may change of a run that it resumes. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConfigLayer } from "@revq/train/config";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { flagLayer } from "../src/settings/layers.js";
import { onTopOfRun } from "../src/settings/resumed-run.js";

let out: string;
const recorded = `preset: tiny
recipe: kmeans
seed: 5
engine: "auto"
data:
  train: "photos"
  imageSize: 32
quantizer:
  id: "multigroup"
  codes: 4
train:
  epochs: 2
  pictureSteps: 57  # auto, as the run decided
  select: "lpips"
`;

beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), "revq-resumed-"));
  await mkdir(join(out, "run", "checkpoints"), { recursive: true });
  await writeFile(join(out, "run", "checkpoints", "step-00000001.safetensors"), "");
  await writeFile(join(out, "run", "config.yaml"), recorded);
});
afterAll(() => rm(out, { recursive: true }));

async function resume(flags: object): Promise<{ notes: string[]; layers: number; recorded: boolean }> {
  const notes: string[] = [];
  const given = [{ name: "flags", values: flagLayer({ ...flags, out }) }];
  const layers = await onTopOfRun(given, (line) => notes.push(line));
  return { notes, layers: layers.length, recorded: layers[0]!.recorded === true };
}

describe("a folder without a run", () => {
  const start = (values: ConfigLayer): Promise<unknown> => onTopOfRun([{ name: "flags", values }], () => {});

  it("starts one where data are named, and nothing where they are not", async () => {
    const fresh = join(out, "fresh");
    expect(await start({ out: fresh, data: { train: "photos" } })).toHaveLength(1);
    expect(await start({ out: fresh, data: { latents: "a.npy" } })).toHaveLength(1);
    await expect(start({ out: fresh })).rejects.toMatchObject({ code: "resume-nothing" });
    await expect(start({ data: { train: "photos" } })).rejects.toMatchObject({ code: "resume-without-out" });
  });
});

describe("settings on top of a run", () => {
  it("are its own where nothing or the same is named", async () => {
    expect(await resume({})).toEqual({ notes: [], layers: 2, recorded: true });
    expect((await resume({ preset: "tiny", seed: 5, data: "photos", "image-size": 32 })).notes).toEqual([]);
    expect((await resume({ "picture-steps": "auto", select: "auto" })).notes, "decided numbers").toEqual([]);
  });

  it.each([
    [{ engine: "wasm" }, "engine: auto -> wasm"],
    [{ epochs: 4 }, "train.epochs: 2 -> 4"],
    [{ data: "/there/photos" }, "data.train: photos -> /there/photos"],
    [{ "picture-steps": "100" }, "train.pictureSteps: 57 -> 100"],
    [{ set: ["train.checkpointSteps=5"] }, "train.checkpointSteps: (not set) -> 5"],
  ])("may be %j", async (flags, change) => {
    expect((await resume(flags)).notes).toEqual([`Settings that change: ${change}.`]);
  });

  it.each([
    [{ epochs: 1 }, "train.epochs: 2 -> 1", "train.epochs", 2],
    [{ codes: 8 }, "quantizer.codes: 4 -> 8", "quantizer.codes", 4],
    [{ preset: "512T" }, "preset: tiny -> 512T", "out", undefined],
    [{ quantizer: "fsq" }, "quantizer.id: multigroup -> fsq", "quantizer.id", "multigroup"],
    [{ select: "psnr" }, "train.select: lpips -> psnr", "train.select", "lpips"],
    [{ seed: 6, "image-size": 64 }, "seed: 5 -> 6; data.imageSize: 32 -> 64", "out", undefined],
  ])("are not %j", async (flags, change, path, value) => {
    const error = await resume(flags).catch((error: unknown) => error);
    expect(error).toMatchObject({ message: expect.stringContaining(`other settings: ${change}.`) as string });
    expect(error).toMatchObject({ setting: value === undefined ? { path } : { path, value } });
  });
});

it("relative paths are meant from where the run began, as long as they are there", async () => {
  const start = await mkdtemp(join(tmpdir(), "revq-start-"));
  const run = join(start, "moved");
  await mkdir(join(run, "run"), { recursive: true });
  await mkdir(join(start, "photos"));
  await writeFile(join(run, "run", "config.yaml"), "data: {train: [photos, gone, 'photos/*.tar', hf:datasets/a/b]}\n");
  const resumed = async (): Promise<{ train: unknown; notes: string[] }> => {
    const notes: string[] = [];
    const [layer] = await onTopOfRun([{ name: "flags", values: { out: run } }], (line) => notes.push(line));
    return { train: (layer!.values["data"] as ConfigLayer)["train"], notes };
  };
  const asNamed = ["photos", "gone", "photos/*.tar", "hf:datasets/a/b"];
  expect(await resumed(), "a run of an older version").toEqual({ train: asNamed, notes: [] });
  await writeFile(join(run, "run", "started-in"), `${start}\n`);
  expect(await resumed()).toEqual({
    train: [join(start, "photos"), "gone", join(start, "photos/*.tar"), "hf:datasets/a/b"],
    notes: [`The run began in ${start}; relative paths are meant from there: data.train.`],
  });
  await writeFile(join(run, "run", "started-in"), `${join(start, "elsewhere")}\n`);
  expect(await resumed(), "the project has moved").toEqual({ train: asNamed, notes: [] });
  await rm(start, { recursive: true });
});
