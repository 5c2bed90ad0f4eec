/**
 * Times a training step of the 512T rectifier (see rectifier.mjs) on one backend. node
 * bench/training-step.mjs [onnx|wasm|cpu] [batch] [steps] [width]; build the package first (tsc
 * -b). Prints the losses too: all backends must agree on them. ORT_OPTIONS holds session options as
 * JSON (profiling, say).
 */
import "@tensorflow/tfjs-layers";
import * as tf from "@tensorflow/tfjs-core";
import { createAdamW, createRectifier } from "./rectifier.mjs";

const [backend = "onnx", batchText = "16", stepsText = "10", widthText = "512"] = process.argv.slice(2);
const [batch, steps, width] = [batchText, stepsText, widthText].map(Number);
let stats;
if (backend === "onnx") {
  const onnx = await import("@revq/tfjs-backend-onnx");
  const options = process.env.ORT_OPTIONS;
  onnx.registerOnnxBackend(options ? { sessionOptions: JSON.parse(options) } : {});
  stats = onnx.onnxBackendStats;
} else if (backend === "wasm") await import("@tensorflow/tfjs-backend-wasm");
else await import("@tensorflow/tfjs-backend-cpu");
await tf.setBackend(backend);
await tf.ready();

const model = createRectifier(tf, { width });
const optimizer = createAdamW(tf, model.variables);
const x = tf.randomNormal([batch, 8, 8, 32], 0, 1, "float32", 7);
const target = tf.randomNormal([batch, 8, 8, 32], 0, 1, "float32", 8);

/** Wall time and, steadier on a shared machine, processor time of the runs after the first two. */
async function measure(runs, run) {
  const wall = [];
  let used;
  for (let index = 0; index < runs + 2; index++) {
    if (index === 2) used = process.cpuUsage();
    const start = performance.now();
    await run(index + 1);
    if (index >= 2) wall.push(performance.now() - start);
  }
  const { user, system } = process.cpuUsage(used);
  const round = (value) => Math.round(value * 10) / 10;
  wall.sort((a, b) => a - b);
  return {
    median: round(wall[wall.length >> 1]),
    best: round(wall[0]),
    processor: round((user + system) / 1000 / runs),
  };
}

const losses = [];
async function trainStep(step) {
  const { value, grads } = tf.variableGrads(
    () => tf.losses.meanSquaredError(target, model.rectify(x)),
    model.variables,
  );
  optimizer.step(grads, step);
  losses.push((await value.data())[0]);
  value.dispose();
}

async function forward() {
  const output = tf.tidy(() => tf.mean(model.rectify(x)));
  await output.data();
  output.dispose();
}

const report = { backend, batch, width, forwardMs: await measure(Math.min(5, steps), forward) };
try {
  report.trainingMs = await measure(steps, trainStep);
} catch (error) {
  report.trainingMs = `cannot train: ${error.message.split("\n")[0]}`;
}
report.losses = losses.slice(0, 3);
report.rssMiB = Math.round(process.memoryUsage().rss / 2 ** 20);
report.stats = stats?.();
process.stdout.write(`${JSON.stringify(report, null, 1)}\n`);
tf.removeBackend(backend);
