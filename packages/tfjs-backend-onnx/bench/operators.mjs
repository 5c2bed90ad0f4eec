/**
 * One matrix product and one convolution: this backend beside bare onnxruntime-node (the same
 * operator, public API) and tfjs wasm. Prints processor and wall milliseconds of each and the
 * ratios. Build the package first (tsc -b).
 */
import "@tensorflow/tfjs-layers";
import "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { registerOnnxBackend } from "@revq/tfjs-backend-onnx";
import { encodeModel } from "../dist/onnx/model.js";

async function measure(run, runs = 20) {
  for (let index = 0; index < 3; index++) await run();
  const used = process.cpuUsage();
  const wall = [];
  for (let index = 0; index < runs; index++) {
    const start = performance.now();
    await run();
    wall.push(performance.now() - start);
  }
  const { user, system } = process.cpuUsage(used);
  return { best: Math.min(...wall), processor: (user + system) / 1000 / runs };
}

const value = (name, shape) => ({ name, type: "float32", shape });

async function bare(op, shapes, outShape, attributes) {
  const inputs = shapes.map((shape, index) => value(`x${index}`, shape));
  const model = {
    nodes: [{ op, domain: "", inputs: inputs.map(({ name }) => name), outputs: ["y"], attributes }],
    inputs,
    outputs: [value("y", outShape)],
    initializers: [],
  };
  const session = await InferenceSession.create(encodeModel(model), {
    extra: { session: { intra_op: { allow_spinning: "0" } } },
    intraOpNumThreads: 2,
  });
  const feeds = Object.fromEntries(
    shapes.map((shape, index) => [
      `x${index}`,
      new Tensor("float32", Float32Array.from({ length: shape.reduce((a, b) => a * b) }, Math.random), shape),
    ]),
  );
  return measure(() => session.run(feeds));
}

async function ours(backend, make) {
  await tf.setBackend(backend);
  const run = make();
  return measure(async () => {
    const output = run();
    await output.data();
    output.dispose();
  });
}

registerOnnxBackend({ threads: 2 });
const matmul = () => {
  const [a, b] = [tf.randomNormal([1024, 1024]), tf.randomNormal([1024, 1024])];
  return () => tf.matMul(a, b);
};
const conv = () => {
  const [x, w] = [tf.randomNormal([1, 64, 64, 64]), tf.randomNormal([3, 3, 64, 64])];
  return () => tf.conv2d(x, w, 1, "same");
};
const rows = {
  "matmul 1024^3": {
    bare: await bare(
      "MatMul",
      [
        [1024, 1024],
        [1024, 1024],
      ],
      [1024, 1024],
      {},
    ),
    onnx: await ours("onnx", matmul),
    wasm: await ours("wasm", matmul),
  },
  "conv 3x3 64->64 on 64x64": {
    bare: await bare(
      "Conv",
      [
        [1, 64, 64, 64],
        [64, 64, 3, 3],
      ],
      [1, 64, 64, 64],
      { pads: [1, 1, 1, 1], kernel_shape: [3, 3] },
    ),
    onnx: await ours("onnx", conv),
    wasm: await ours("wasm", conv),
  },
};
for (const [name, { bare: b, onnx, wasm }] of Object.entries(rows)) {
  const ms = ({ best, processor }) => `${best.toFixed(1)} ms (processor ${processor.toFixed(1)})`;
  const ratio = (x, y) => `${(x.best / y.best).toFixed(2)}x wall, ${(x.processor / y.processor).toFixed(2)}x processor`;
  console.log(
    `${name}: onnx ${ms(onnx)}, bare onnxruntime ${ms(b)}, wasm ${ms(wasm)}; onnx/bare ${ratio(onnx, b)}; wasm/onnx ${ratio(wasm, onnx)}`,
  );
}
