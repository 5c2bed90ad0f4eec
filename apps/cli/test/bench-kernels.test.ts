/** The yardstick computes what it says, and a benchmark leaves nothing behind. */
import { createEngine, type Engine } from "@revq/engine";
import * as tf from "@tensorflow/tfjs-core";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { benchKernel, convolutionKernel, matmulKernel } from "../src/bench/kernels.js";
import { median, medianMs } from "../src/bench/measure.js";
import { onnxChainModel } from "../src/bench/onnx-model.js";
import type { OnnxChain } from "../src/bench/onnx-chain.js";

describe("onnxChainModel", () => {
  async function sum(chain: OnnxChain, steps: number, value: number[], constant: number[]): Promise<number> {
    const session = await InferenceSession.create(onnxChainModel(chain, steps));
    const { sum: result } = await session.run({
      value: new Tensor("float32", value, chain.valueShape),
      constant: new Tensor("float32", constant, chain.constantShape),
    });
    await session.release();
    expect(result!.dims).toEqual([]);
    return Number(result!.data[0]);
  }

  it("multiplies matrices, once and on its own result", async () => {
    const chain: OnnxChain = { op: "MatMul", valueShape: [2, 2], constantShape: [2, 2] };
    // [[1 2] [3 4]] [[5 6] [7 8]] = [[19 22] [43 50]]; times the second again: [[249 290] [565 658]].
    expect(await sum(chain, 1, [1, 2, 3, 4], [5, 6, 7, 8])).toBe(19 + 22 + 43 + 50);
    expect(await sum(chain, 2, [1, 2, 3, 4], [5, 6, 7, 8])).toBe(249 + 290 + 565 + 658);
  });

  it("convolves with a border of zeros", async () => {
    const chain: OnnxChain = { op: "Conv", valueShape: [1, 1, 2, 2], constantShape: [1, 1, 3, 3], pads: [1, 1, 1, 1] };
    // Ones: every pixel of the 2 x 2 image sees all four, so each step makes it 4 times as large.
    expect(await sum(chain, 3, [1, 1, 1, 1], Array<number>(9).fill(1))).toBe(4 * 4 ** 3);
  });

  it("counts past what one byte holds", async () => {
    const chain: OnnxChain = { op: "MatMul", valueShape: [1, 300], constantShape: [300, 300] };
    expect(await sum(chain, 1, Array<number>(300).fill(1), Array<number>(90_000).fill(0.5))).toBe(300 * 150);
  });
});

describe("benchKernel", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine({ engine: "wasm" });
  });
  afterAll(() => engine.dispose());

  it.each([matmulKernel(16), convolutionKernel(8, 4)])(
    "$what: beside ONNX Runtime, nothing left behind",
    async (kernel) => {
      const tensors = tf.memory().numTensors;
      const report = await benchKernel(kernel, engine, { repeats: 2, chain: 3 });
      expect(report).toMatchObject({ engine: "wasm", what: kernel.what, gpuBytes: null });
      expect(report.gflops).toBeCloseTo(kernel.flops / report.ms / 1e6, 9);
      expect(report.ratio).toBeCloseTo(report.ms / report.onnxruntime!.ms, 9);
      expect(tf.memory().numTensors).toBe(tensors);
    },
  );

  it("counts multiplications and additions: 2 n^3, and 18 c^2 h w", () => {
    expect(matmulKernel(1024).flops).toBe(2_147_483_648);
    expect(convolutionKernel(64, 64).flops).toBe(301_989_888);
  });

  it("stops when it is told to", async () => {
    const signal = AbortSignal.abort(new Error("stopped"));
    await expect(benchKernel(matmulKernel(4), engine, { repeats: 1, signal })).rejects.toThrow("stopped");
  });
});

it("medianMs leaves the warm-up out; median does not change its input", async () => {
  let calls = 0;
  await medianMs(async () => void calls++, 3, { warmUp: 2 });
  expect(calls).toBe(5);
  const values = [3, 1, 2];
  expect(median(values)).toBe(2);
  expect(values).toEqual([3, 1, 2]);
});
