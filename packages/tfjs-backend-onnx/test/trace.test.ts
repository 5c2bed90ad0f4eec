/** A traced computation as an ONNX file, run by ONNX Runtime's own API. */
import * as tf from "@tensorflow/tfjs-core";
import { registerOnnxBackend, traceOnnx } from "@revq/tfjs-backend-onnx";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { beforeAll, expect, it } from "vitest";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

it("computes the same in ONNX Runtime", async () => {
  const weights = tf.tensor2d([1, -2, 3, 4, 5, -6], [3, 2]);
  const model = (x: tf.Tensor): tf.Tensor => tf.tidy(() => tf.relu(tf.add(tf.matMul(x as tf.Tensor2D, weights), 0.5)));
  const parts: Uint8Array[] = [];
  await traceOnnx({ name: "images", shape: [2, 3], dtype: "float32" }, "ids", model, async (pieces) => {
    for (const piece of pieces) parts.push(piece.slice());
  });
  const values = [1, 2, 3, -1, 0.5, 2];
  const session = await InferenceSession.create(Buffer.concat(parts));
  expect([session.inputNames, session.outputNames]).toEqual([["images"], ["ids"]]);
  const { ids } = await session.run({ images: new Tensor("float32", Float32Array.from(values), [2, 3]) });
  const expected = model(tf.tensor2d(values, [2, 3]));
  expect(ids!.dims).toEqual([2, 2]);
  expect([...(ids!.data as Float32Array)]).toEqual([...(await expected.data())]);
  await session.release();
});

it("takes batches of any size where the first axis has a name", async () => {
  const weights = tf.randomNormal<tf.Rank.R2>([12, 6], 0, 1, "float32", 1);
  // Sizes that are the batch, a multiple, and inside of a larger shape; slices, repeats and fills of that size.
  const model = (x: tf.Tensor): tf.Tensor =>
    tf.tidy(() => {
      const n = x.shape[0]!;
      const rows = tf.reshape(x, [n * 2, 12]);
      const wide = tf.reshape(tf.matMul(rows as tf.Tensor2D, weights), [n, 2, 6]);
      const part = tf.slice(tf.tile(wide, [1, 2, 1]), [0, 1, 0], [n, 2, 6]);
      const filled = tf.cumsum(tf.fill([n, 1, 1], 3), 0, true);
      return tf.add(part, tf.add(filled, tf.tile(tf.zeros([1, 2, 6]), [n, 1, 1])));
    });
  const parts: Uint8Array[] = [];
  await traceOnnx({ name: "x", shape: ["batch", 4, 6], dtype: "float32" }, "y", model, async (pieces) => {
    for (const piece of pieces) parts.push(piece.slice());
  });
  const session = await InferenceSession.create(Buffer.concat(parts));
  for (const n of [1, 2, 5, 9]) {
    const x = tf.randomNormal([n, 4, 6], 0, 1, "float32", n);
    const { y } = await session.run({ x: new Tensor("float32", (await x.data()) as Float32Array, x.shape) });
    expect(y!.dims).toEqual([n, 2, 6]);
    const expected = await model(x).data();
    (y!.data as Float32Array).forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
  }
  await session.release();
});

it("refuses an open batch whose computation depends on it otherwise", async () => {
  const input = { name: "x", shape: ["batch", 2], dtype: "float32" } as const;
  const each = (x: tf.Tensor): tf.Tensor => tf.tidy(() => tf.stack(tf.unstack(x).map((row) => tf.square(row))));
  await expect(traceOnnx(input, "y", each, async () => {})).rejects.toMatchObject({ code: "onnx-trace-batch" });
});

it("refuses a computation that reads values, and one without its input", async () => {
  const input = { name: "x", shape: [2], dtype: "float32" } as const;
  const write = async (): Promise<void> => {};
  const reads = traceOnnx(input, "y", (x) => tf.tensor1d([...tf.neg(x).dataSync()]), write);
  await expect(reads).rejects.toMatchObject({ code: "onnx-trace-read" });
  await expect(traceOnnx(input, "y", () => tf.tensor1d([1]), write)).rejects.toMatchObject({
    code: "onnx-trace-constant",
  });
  expect([...(await tf.neg(tf.tensor1d([3])).data())]).toEqual([-3]);
});
