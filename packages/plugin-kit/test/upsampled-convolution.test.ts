/** Against the convolution of the upsampled image, with values and gradients. */
import { createEngine, type EngineId } from "@revq/engine";
import { upsampledConvolution } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";

const shape: [number, number, number, number] = [2, 3, 5, 4];
const waves = (shape: readonly number[], step: number): Tensor4D =>
  tf.tensor4d(
    Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i * step)),
    shape as [number, number, number, number],
  );
const [channelsFirst, channelsLast] = [
  [0, 3, 1, 2],
  [0, 2, 3, 1],
];

/** `[0, 0, 1, 1, ..]` */
const twice = (length: number): tf.Tensor1D =>
  tf.tensor1d(
    Int32Array.from({ length: 2 * length }, (_, i) => i >> 1),
    "int32",
  );
const inOneStep = (x: Tensor4D, filter: Tensor4D): Tensor4D =>
  tf.conv2d(tf.gather(tf.gather(x, twice(x.shape[1]), 1), twice(x.shape[2]), 2), filter, 1, "same");
const ways = {
  NHWC: (x: Tensor4D, filter: Tensor4D): Tensor4D =>
    upsampledConvolution(x, filter, "NHWC", (x, filter, pad) => tf.conv2d(x, filter, 1, pad)),
  NCHW: (x: Tensor4D, filter: Tensor4D): Tensor4D =>
    tf.transpose(
      upsampledConvolution(tf.transpose(x, channelsFirst), filter, "NCHW", (x, filter, pad) =>
        tf.conv2d(x, filter, 1, pad, "NCHW"),
      ),
      channelsLast,
    ),
};

async function valuesOf(convolve: (x: Tensor4D, filter: Tensor4D) => Tensor4D): Promise<number[][]> {
  const [x, filter] = [waves(shape, 0.7), waves([3, 3, 4, 6], 0.9)];
  const weights = waves([2, 6, 10, 6], 0.31);
  const along = (x: Tensor4D, filter: Tensor4D): tf.Scalar => tf.sum(tf.mul(convolve(x, filter), weights));
  const tensors = [convolve(x, filter), ...tf.grads(along as never)([x, filter])];
  return Promise.all(tensors.map(async (tensor) => [...((await tensor.data()) as Float32Array)]));
}

const engines: [EngineId, keyof typeof ways][] = [
  ["cpu", "NHWC"],
  ["onnx", "NHWC"],
  ["onnx", "NCHW"],
];
describe.each(engines)("on engine %s, %s", (engine, layout) => {
  it("is the convolution of the upsampled image", async () => {
    await createEngine({ engine: "cpu" });
    const expected = await valuesOf(inOneStep);
    await createEngine({ engine });
    const found = await valuesOf(ways[layout]);
    expect(found.map(({ length }) => length)).toEqual([2 * 6 * 10 * 6, 2 * 3 * 5 * 4, 9 * 4 * 6]);
    found.forEach((values, which) => {
      values.forEach((value, i) => expect(value).toBeCloseTo(expected[which]![i]!, 3));
    });
  });
});

it("runs on engine wasm, which has no gradients of it", async () => {
  await createEngine({ engine: "cpu" });
  const expected = await inOneStep(waves(shape, 0.7), waves([3, 3, 4, 6], 0.9)).data();
  await createEngine({ engine: "wasm" });
  const [x, filter] = [waves(shape, 0.7), waves([3, 3, 4, 6], 0.9)];
  const found = await upsampledConvolution(x, filter, "NHWC", (x, filter, pad) =>
    tf.fused.conv2d({ x, filter, strides: 1, pad }),
  ).data();
  found.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 4));
});
