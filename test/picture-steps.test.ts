/**
 * Picture steps on real latents: the rectifier learns from what the tiny autoencoder for SD3 decodes,
 * and LPIPS of held-out photographs falls. A run that is killed among them ends as one that is not.
 */
import type { TrainResult } from "@revq/train";
import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { revq, revqJson, sampleImages, shared, temporaryFolder } from "./support/revq.js";

const folder = await temporaryFolder();
const inFolder = { cwd: folder.path };
const weights = join(shared, "weights");

const args = [
  ...["train", "--data", sampleImages, "--set", "data.limit=48", "--image-size", "64", "--engine", "onnx"],
  ...["--set", `data.store=${join(folder.path, "store")}`],
  ...["--backbone", "tae", "--set", "backbone.variant=taesd3", "--weights", weights],
  ...["--transform", "none", "--tokens", "64", "--codes", "64", "--set", "quantizer.groups=1"],
  ...["--set", "rectifier.channels=32", "--set", "rectifier.layers=1", "--set", "rectifier.headDim=16"],
  ...["--epochs", "2", "--picture-steps", "16", "--adapt-decoder", "none"],
  ...["--set", "train.picture.learningRate=4e-3", "--set", "train.picture.batch=2", "--set", "train.checkpointSteps=2"],
];
/** Two epochs of two batches of 16: a tenth of the 48 images is held out. */
const stepsOnLatents = 4;

describe.skipIf(!existsSync(join(weights, "taesd3_decoder.safetensors")))(
  "picture steps with taesd3 (needs ../shared/weights)",
  () => {
    afterAll(() => folder.remove());
    let whole: TrainResult;

    it("lower LPIPS of held-out photographs", async () => {
      whole = await revqJson<TrainResult>([...args, "-o", "whole"], inFolder);
      const { kept, steps, scores } = whole.pictures!;
      expect(steps).toEqual({ pictures: 16 });
      expect(kept).toBe("pictures");
      const before = Math.min(...scores.slice(0, 2).map(({ scores }) => scores.lpips!));
      // 16 steps at a high rate: how sums are rounded moves the end by 3 %.
      expect(scores.at(-1)!.scores.lpips).toBeLessThan(0.99 * before);
    }, 240_000);

    it("end with the same bits when the run is killed among them", async () => {
      const checkpoints = join(folder.path, "killed", "run", "checkpoints");
      const number = (step: number): string => `step-${String(stepsOnLatents + step).padStart(8, "0")}.safetensors`;
      const killed = await revq([...args, "-o", "killed"], {
        ...inFolder,
        signal: "SIGKILL",
        interruptWhen: () => existsSync(checkpoints) && readdirSync(checkpoints).some((name) => name >= number(6)),
      });
      expect(killed.code).toBeNull();
      const { code, stderr } = await revq([...args, "-o", "killed", "--resume"], inFolder);
      expect(stderr).toMatch(/Resuming after picture step ([6-9]|1\d)\./);
      expect(code).toBe(0);
      const model = (run: string): Promise<Buffer> => readFile(join(folder.path, run, "model.safetensors"));
      expect((await model("killed")).equals(await model("whole"))).toBe(true);
    }, 240_000);
  },
);
