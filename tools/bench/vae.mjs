/**
 * A full-size VAE of random weights on engine onnx beside the same weights in diffusers, in turns in one run: an image of 256
 * encoded, a latent decoded. Prints medians of wall and processor time, their ratios, peak memory of both processes, the largest
 * difference of what they compute, and the load of the machine.
 *
 * Run after `tsc -b`: PYTHON=python3 node tools/bench/vae.mjs sd-vae|dc-ae KEYS.json [rounds] [size]
 * KEYS.json: config and keys of the model, such as sd-vae-keys.json of the fixtures. PYTHON needs torch and diffusers.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { dcAe } from "@revq/backbone-dc-ae";
import { sdVae } from "@revq/backbone-sd-vae";
import { parseOptions } from "@revq/core";
import { createEngine } from "@revq/engine";
import { readNpyFloat32 } from "@revq/formats";
import { fromFile, openWeights } from "@revq/formats/node";
import * as tf from "@tensorflow/tfjs-core";
import { median, startPython } from "./python-side.mjs";

const [family, keys, rounds = "3", size = "256"] = process.argv.slice(2);
const plugin = { "sd-vae": sdVae, "dc-ae": dcAe }[family];
const folder = mkdtempSync(join(tmpdir(), "revq-bench-vae-"));
process.on("exit", () => rmSync(folder, { recursive: true }));

const python = await startPython("vae.py", [family, keys, folder, size, 2]);
const { about } = python;

const engine = await createEngine({ engine: "onnx" });
const started = performance.now();
const backbone = await plugin.create(parseOptions(plugin, {}), {
  imageSize: Number(size),
  weights: await openWeights(folder),
});
const loadMs = performance.now() - started;
const loadedMiB = process.resourceUsage().maxRSS / 1024;

async function readPlanes(name) {
  const { shape, data } = await readNpyFloat32(await fromFile(join(folder, name)));
  return tf.tidy(() => tf.transpose(tf.tensor4d(data, shape), [0, 2, 3, 1]));
}
const inputs = { encode: await readPlanes("image.npy"), decode: await readPlanes("latent.npy") };

async function ours(what) {
  const used = process.cpuUsage();
  const begun = performance.now();
  const y = await backbone[what](inputs[what]);
  await y.data();
  const ms = performance.now() - begun;
  const { user, system } = process.cpuUsage(used);
  return { y, ms, processorMs: (user + system) / 1000 };
}

async function difference(what, y) {
  const expected = await readPlanes(`${what}.npy`);
  const [a, b] = [await y.data(), await expected.data()];
  const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expected.dispose();
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0) / largest;
}

const sorted = (list) => [...list].sort((a, b) => a - b);
const report = { family, size: Number(size), ...about, loadSeconds: loadMs / 1000, loadedMiB };
let torchPeak = 0;
for (const what of ["encode", "decode"]) {
  const times = { ours: [], theirs: [] };
  const first = {};
  for (let round = -1; round < Number(rounds); round++) {
    const { y, ...a } = await ours(what);
    const b = await python.ask({ what });
    torchPeak = b.peakMiB;
    if (round < 0) {
      first.ms = a.ms;
      first.relativeDifference = await difference(what, y);
    } else {
      times.ours.push(a);
      times.theirs.push(b);
    }
    y.dispose();
  }
  const compare = (name) => {
    const [a, b] = [times.ours, times.theirs].map((list) => list.map((one) => one[name]));
    return {
      ratio: median(a) / median(b),
      ratioOfBest: sorted(a)[0] / sorted(b)[0],
      onnxMs: median(a),
      torchMs: median(b),
    };
  };
  report[what] = {
    relativeDifference: first.relativeDifference,
    firstMs: first.ms,
    wall: compare("ms"),
    processor: compare("processorMs"),
    load: loadavg()[0],
  };
}
report.peakMiB = { onnx: process.resourceUsage().maxRSS / 1024, torch: torchPeak };
python.end();
backbone.dispose();
engine.dispose();
console.log(JSON.stringify(report, null, 1));
process.exit(0);
