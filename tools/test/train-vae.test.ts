/** `tools/train-vae` as it is run: to the end, and killed on the way and started again. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { sdVae } from "@revq/backbone-sd-vae";
import { parseOptions } from "@revq/core";
import { createEngine } from "@revq/engine";
import { openWeights } from "@revq/formats/node";
import { sampleImagesFolder } from "@revq/sample-images";

const main = fileURLToPath(new URL("../train-vae/dist/main.js", import.meta.url));
const checkpoint = "checkpoint.safetensors";
let cwd: string;

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "revq-train-vae-"));
  await mkdir(join(cwd, "photographs"));
  const folder = fileURLToPath(sampleImagesFolder);
  for (const name of (await readdir(folder)).filter((name) => /-01\.jpg$/.test(name)))
    await cp(join(folder, name), join(cwd, "photographs", name));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

/** What was printed; rejects when the run fails. With `kill` it is killed as soon as it has written its first checkpoint. */
function train(out: string, { kill = false } = {}): Promise<string> {
  const flags = {
    out,
    data: "photographs",
    val: "photographs",
    channels: "8,16,24,32",
    "latent-channels": 8,
    threads: 1,
  };
  const sizes = { steps: 8, batch: 2, crop: 32, warmup: 2, every: 2 };
  const args = Object.entries({ ...flags, ...sizes }).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(process.execPath, [main, ...args], { cwd, stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const watch = setInterval(() => {
    if (kill && existsSync(join(cwd, out, checkpoint))) child.kill("SIGKILL");
  }, 2);
  return new Promise((resolve, reject) => {
    child.on("close", (code, signal) => {
      clearInterval(watch);
      if (kill ? signal === "SIGKILL" : code === 0) resolve(text);
      else reject(new Error(`train-vae ended with ${code ?? signal}: ${text}`));
    });
  });
}

it("trains an AutoencoderKL that the backbone opens, better than the linear one that it starts from", async () => {
  const lines = (await train("whole")).trim().split("\n");
  const records = lines.map((line) => JSON.parse(line) as { step: number; loss?: number; val?: { psnr: number } });
  const scores = records.flatMap(({ val }) => (val ? [val.psnr] : []));
  expect(scores.length).toBeGreaterThan(1);
  expect(scores.at(-1)).toBeGreaterThan(15);
  expect(records.find(({ loss }) => loss !== undefined)).toMatchObject({ step: 8, loss: expect.any(Number) });

  const engine = await createEngine({ engine: "onnx" });
  const vae = await sdVae.create(parseOptions(sdVae, {}), {
    imageSize: 64,
    weights: await openWeights(join(cwd, "whole")),
  });
  expect(vae.spec).toMatchObject({ downsample: 8, latentChannels: 8 });
  const latents = await vae.encode(tf.zeros([1, 64, 64, 3]) as tf.Tensor4D);
  expect(latents.shape).toEqual([1, 8, 8, 8]);
  vae.dispose();
  engine.dispose();
}, 120_000);

it("goes on after SIGKILL where the last checkpoint was, to the same weights", async () => {
  await train("killed", { kill: true });
  const steps = async (): Promise<string> => readFile(join(cwd, "killed", "log.jsonl"), "utf8");
  expect(await steps()).not.toContain('"step":8');
  await train("killed");
  expect(await steps()).toContain('"step":8');
  for (const file of [checkpoint, "diffusion_pytorch_model.safetensors", "config.json"]) {
    const [killed, whole] = await Promise.all(["killed", "whole"].map((run) => readFile(join(cwd, run, file))));
    expect(killed!.equals(whole!), file).toBe(true);
  }
}, 120_000);
