/**
 * Gradients through the decoder of a VAE of the TAESD family (what the picture stage does), beside the same network in PyTorch, in turns
 * in one run: to the latents, and to the latents and all weights. Prints medians of wall and processor time, ratios and the load.
 *
 * Run after `tsc -b`: PYTHON=python3 node tools/bench/picture-pair.mjs WEIGHTS [taesd] [rounds] [side] [batch] [threads]
 * WEIGHTS is a folder with taesd_encoder.safetensors and taesd_decoder.safetensors.
 */
import { loadavg } from "node:os";
import { join } from "node:path";
import { tae } from "@revq/backbone-tae";
import { parseOptions } from "@revq/core";
import { createEngine } from "@revq/engine";
import { openWeights } from "@revq/formats/node";
import * as tf from "@tensorflow/tfjs-core";
import { median, startPython } from "./python-side.mjs";

const [folder, variant = "taesd", rounds = "7", side = "16", batch = "4", threads = "2"] = process.argv.slice(2);
const [h, n] = [Number(side), Number(batch)];
const python = await startPython("picture_step.py", [
  join(folder, `${variant}_decoder.safetensors`),
  batch,
  side,
  threads,
]);
const { channels } = python.about;

await createEngine({ engine: "onnx" });
const backbone = await tae.create(parseOptions(tae, { variant }), {
  imageSize: 256,
  weights: await openWeights(folder),
});
const decoder = backbone.gradients;
const names = decoder.stages.flat();
const weights = names.map((name) => tf.clone(backbone.state()[name]));
/** The same numbers on both sides. */
function waves([n, c, h, w], step) {
  const values = Float32Array.from({ length: n * c * h * w }, (_, i) => Math.sin(i * step));
  return tf.transpose(tf.tensor4d(values, [n, c, h, w]), [0, 2, 3, 1]);
}
const z = waves([n, channels, h, h], 0.7);
const direction = waves([n, 3, 8 * h, 8 * h], 0.3);
const along = (made) => tf.sum(tf.mul(made.images, direction));
const parts = {
  latents: () => [tf.grad((x) => along(decoder.decode(x)))(z)],
  weights: () =>
    tf.grads((x, ...given) => along(decoder.decode(x, Object.fromEntries(names.map((name, i) => [name, given[i]])))))([
      z,
      ...weights,
    ]),
};

async function ours(what) {
  const used = process.cpuUsage();
  const started = performance.now();
  const found = tf.tidy(parts[what]);
  const [first] = await Promise.all(found.map((tensor) => tensor.data()));
  const elapsed = performance.now() - started;
  const { user, system } = process.cpuUsage(used);
  tf.dispose(found);
  return { ms: elapsed, processorMs: (user + system) / 1000, norm: Math.hypot(...first) };
}

for (const what of Object.keys(parts)) {
  const times = { ours: [], theirs: [] };
  for (let round = -2; round < Number(rounds); round++) {
    const [a, b] = [await ours(what), await python.ask({ what })];
    if (round === -2) {
      const difference = Math.abs(a.norm / b.norm - 1);
      if (difference > 1e-3) throw new Error(`the gradients differ: norms ${a.norm} and ${b.norm}`);
    }
    if (round < 0) continue;
    times.ours.push(a);
    times.theirs.push(b);
  }
  const line = ["ms", "processorMs"].map((name) => {
    const [a, b] = [times.ours, times.theirs].map((list) => median(list.map((one) => one[name])));
    return `${name} ${a.toFixed(0)} / ${b.toFixed(0)} = ${(a / b).toFixed(2)}`;
  });
  console.log(`gradients to the ${what === "latents" ? "latents" : "latents and weights"}: ${line.join(", ")}`);
}
console.log(
  `${variant}, ${n} pictures of ${8 * h} x ${8 * h}, PyTorch ${python.about.torch}, load ${loadavg()[0].toFixed(1)}`,
);
python.end();
