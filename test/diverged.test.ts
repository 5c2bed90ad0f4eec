/** A training that runs into infinity: where it stops, what it says, and what is left. */
import { openSafetensors } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { revq, temporaryFolder } from "./support/revq.js";

const folder = await temporaryFolder();
afterAll(() => folder.remove());

const images = ["--data", "synthetic:dead-leaves", "--image-size", "32", "--set", "data.limit=80"];
const sizes = ["--tokens", "16", "--codes", "16", "--set", "rectifier.channels=16", "--set", "rectifier.headDim=8"];
const steps = ["--epochs", "3", "--batch", "8", "--set", "train.checkpointSteps=2", "--set", "train.clipNorm=1e30"];

describe.each(["kmeans", "paper"])("a run of recipe %s whose rate is far too high", (recipe) => {
  const train = (...more: string[]) =>
    revq(["train", ...images, ...sizes, ...steps, "--recipe", recipe, "--lr", "1000", "-o", recipe, ...more], {
      cwd: folder.path,
    });
  const where = /The (codebooks'|rectifier's) loss became (NaN|Infinity|-Infinity) in epoch 1, step (\d+)\./;

  it("stops, says where, and leaves the checkpoint from before, without a tokenizer", async () => {
    const { code, stderr } = await train();
    expect(code).toBe(1);
    const [sentence, , , step] = where.exec(stderr)!;
    expect(stderr).toContain("lower learning rate");
    const kept = (await readdir(join(folder.path, recipe, "run", "checkpoints"))).sort();
    const last = Number(/\d+/.exec(kept.at(-1)!)![0]);
    expect(last).toBeLessThan(Number(step));
    expect(last).toBeGreaterThanOrEqual(Number(step) - 2);
    for (const name of kept) {
      const source = await fromFile(join(folder.path, recipe, "run", "checkpoints", name));
      const file = await openSafetensors(source);
      for (const tensor of file.tensors.keys()) {
        const { data } = await file.readFloat32(tensor);
        expect(data.every(Number.isFinite), `${name} ${tensor}`).toBe(true);
      }
      await source.close?.();
    }
    expect(existsSync(join(folder.path, recipe, "model.safetensors"))).toBe(false);

    const again = await train("--resume");
    expect(again.code).toBe(1);
    expect(again.stderr).toContain(sentence);
    expect((await readdir(join(folder.path, recipe, "run", "checkpoints"))).sort()).toEqual(kept);
  }, 120_000);
});
