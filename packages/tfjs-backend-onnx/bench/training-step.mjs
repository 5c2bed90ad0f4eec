/**
 * Times a training step of the 512T rectifier (see rectifier.mjs) on one backend.
 * node bench/training-step.mjs [onnx|wasm|cpu] [batch] [steps] [width]; build the package first (tsc -b).
 * Prints the loss too: all backends must agree on it.
 */
import "@tensorflow/tfjs-layers";
import * as tf from "@tensorflow/tfjs-core";
import { createAdamW, createRectifier } from "./rectifier.mjs";

const [backend = "onnx", batchText = "16", stepsText = "10", widthText = "512"] = process.argv.slice(2);
const batch = Number(batchText);
let stats;
if (backend === "onnx") {
  const onnx = await import("@revq/tfjs-backend-onnx");
  const sessionOptions = process.env.ORT_OPTIONS ? JSON.parse(process.env.ORT_OPTIONS) : undefined;
  onnx.registerOnnxBackend(sessionOptions ? { sessionOptions } : {});
  stats = onnx.onnxBackendStats;
} else if (backend === "wasm") await import("@tensorflow/tfjs-backend-wasm");
else await import("@tensorflow/tfjs-backend-cpu");
await tf.setBackend(backend);
await tf.ready();

const model = createRectifier(tf, { width: Number(widthText) });
const optimizer = createAdamW(tf, model.variables);
const x = tf.randomNormal([batch, 8, 8, 32], 0, 1, "float32", 7);
const target = tf.randomNormal([batch, 8, 8, 32], 0, 1, "float32", 8);
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

const times = { forward: [], total: [] };
const losses = [];
// On a shared machine the time that the processor spent is steadier than the time that passed.
let cpuAfterWarmUp;
for (let step = 1; step <= Number(stepsText); step++) {
  if (step === 3) cpuAfterWarmUp = process.cpuUsage();
  const start = performance.now();
  const { value, grads } = tf.variableGrads(
    () => tf.losses.meanSquaredError(target, model.rectify(x)),
    model.variables,
  );
  optimizer.step(grads, step);
  losses.push((await value.data())[0]);
  value.dispose();
  times.total.push(performance.now() - start);
}
const { user, system } = process.cpuUsage(cpuAfterWarmUp);
const cpuMsPerStep = (user + system) / 1000 / (Number(stepsText) - 2);
for (let step = 0; step < 4; step++) {
  const start = performance.now();
  const output = tf.tidy(() => tf.mean(model.rectify(x)));
  await output.data();
  output.dispose();
  times.forward.push(performance.now() - start);
}
console.log(
  JSON.stringify(
    {
      backend,
      batch,
      width: Number(widthText),
      losses: losses.slice(0, 3),
      last: losses.at(-1),
      msPerStep: median(times.total.slice(2)),
      cpuMsPerStep,
      bestMsPerStep: Math.min(...times.total),
      firstSteps: times.total.slice(0, 2),
      msForward: median(times.forward),
      rssMiB: Math.round(process.memoryUsage().rss / 2 ** 20),
      tensors: tf.memory().numTensors,
      ...(stats ? { stats: stats() } : {}),
    },
    null,
    1,
  ),
);
tf.removeBackend(backend);
