/**
 * The rectifier of two presets beside the same network in PyTorch, in turns in one run: forward and backward pass, and a
 * training step with AdamW. Prints medians of wall time and of processor time (user + system of all threads), ratios, and the load of
 * the machine, without which the ratios of wall times say little.
 *
 * Run after `tsc -b`: PYTHON=python3 node tools/bench/rectifier.mjs FIXTURE [512T|small] [rounds] [threads]
 * FIXTURE is rectifier_small.safetensors: PyTorch's network is checked against it first.
 */
import { loadavg } from "node:os";
import { createRandom } from "@revq/core";
import { createEngine } from "@revq/engine";
import { efficientvit } from "@revq/rectifier-efficientvit";
import { createAdamW } from "@revq/train";
import * as tf from "@tensorflow/tfjs-core";
import { median, startPython } from "./python-side.mjs";

const sizes = {
  "512T": { channels: 512, layers: 3, headDim: 32, batch: 16 },
  small: { channels: 64, layers: 2, headDim: 16, batch: 256 },
};
const [fixture, preset = "512T", rounds = "5", threads = "2"] = process.argv.slice(2);
const { batch, channels, layers, headDim } = sizes[preset];

const python = await startPython("rectifier.py", [fixture, channels, layers, headDim, batch, threads]);
const { about } = python;

await createEngine({ engine: "onnx" });
const rectifier = await efficientvit.create(
  { channels, layers, headDim, expandRatio: 4, outputSkip: false },
  { latentShape: { channels: 32, height: 8, width: 8 }, random: createRandom(0) },
);
const optimizer = createAdamW([
  { name: "rectifier", variables: rectifier.variables, learningRate: 1e-3, weightDecay: 1e-2 },
]);
const x = tf.randomNormal([batch, 8, 8, 32], 0, 1, "float32", 1);
const target = tf.randomNormal([batch, 8, 8, 32], 0, 1, "float32", 2);

async function ours(what) {
  const used = process.cpuUsage();
  const started = performance.now();
  const { value, grads } = tf.variableGrads(
    () => tf.mean(tf.squaredDifference(rectifier.rectify(x), target)),
    [...rectifier.variables],
  );
  if (what === "step") tf.tidy(() => optimizer.apply(grads));
  // The loss and the gradient that is computed last, of the first convolution, while every other gradient is alive.
  await Promise.all([value.data(), grads[rectifier.variables[1].name].data()]);
  const elapsed = performance.now() - started;
  const { user, system } = process.cpuUsage(used);
  tf.dispose([value, grads]);
  return { ms: elapsed, processorMs: (user + system) / 1000 };
}

const sorted = (list) => [...list].sort((a, b) => a - b);
const report = { preset, batch, threads: Number(threads), torch: about.torch, differenceFromFixture: about.difference };
for (const what of ["pass", "step"]) {
  const times = { ours: [], theirs: [] };
  for (let round = -2; round < Number(rounds); round++) {
    const [a, b] = [await ours(what), await python.ask({ what })];
    if (round < 0) continue;
    times.ours.push(a);
    times.theirs.push(b);
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
  report[what] = { wall: compare("ms"), processor: compare("processorMs"), load: loadavg()[0] };
}
console.log(JSON.stringify(report, null, 1));
python.end();
