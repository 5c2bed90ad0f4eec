/** Training on the host against PyTorch's two steps (fixtures `train_step_*`): parameters and moments. */
import type { CodebookTrainer, Quantizer, TrainableQuantizer } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { multigroup } from "../src/index.js";
import { channelLast, fixturesPresent, needs, readFixture } from "./support.js";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ engine: "wasm" });
});
afterAll(() => engine.dispose());

const latentShape = { channels: 32, height: 8, width: 8 };
const defaults = {
  iterations: 1,
  init: "sample",
  samplesPerCode: 1024,
  transform: "none",
  split: "channel",
  groups: "token",
} as const;

const trainerOf = (quantizer: Quantizer): CodebookTrainer => (quantizer as TrainableQuantizer).createTrainer!()!;

function largestError(found: ArrayLike<number>, expected: Float32Array): number {
  let [difference, magnitude] = [0, 0];
  expected.forEach((value, i) => {
    difference = Math.max(difference, Math.abs(value - found[i]!));
    magnitude = Math.max(magnitude, Math.abs(value));
  });
  return difference / magnitude;
}

describe.each([
  { file: "train_step_T256_K32.safetensors", tokens: 256, codes: 32 },
  { file: "train_step_T512_K16.safetensors", tokens: 512, codes: 16 },
])("$file", ({ file, tokens, codes }) => {
  it.skipIf(!fixturesPresent)(`takes PyTorch's two steps within 1e-4 ${needs}`, async () => {
    const { tensors, metadata } = await readFixture(file);
    const quantizer = multigroup.create({ ...defaults, tokens, codes }, { latentShape });
    quantizer.restore({ codebooks: tf.tensor(tensors["p0.q.embeddings"]!.data, [tokens, codes, 2048 / tokens]) });
    const trainer = trainerOf(quantizer);
    for (const step of [1, 2]) {
      const values = channelLast(tensors[`batch${step}.x`]!.data, latentShape);
      const latents = tf.tensor4d(values, [values.length / 2048, 8, 8, 32]);
      const found = await quantizer.quantize(latents);
      const ids = (await found.data()) as Int32Array;
      expect([...ids]).toEqual([...tensors[`indices${step}`]!.data]);
      const quantized = trainer.lookUp(ids);
      expect(quantized).toEqual(await quantizer.dequantize(found).data());
      trainer.step(
        ids,
        quantized.map((value, i) => (2 * (value - values[i]!)) / values.length),
        { learningRate: Number(metadata["lr"]), clipNorm: 1, step },
      );
      const codebooks = await quantizer.state()["codebooks"]!.data();
      expect(largestError(codebooks, tensors[`p${step}.q.embeddings`]!.data)).toBeLessThan(1e-4);
    }
    const state = trainer.state();
    expect(largestError(state["0.exp_avg"]!.data, tensors["m2.q.embeddings"]!.data)).toBeLessThan(1e-4);
    expect(largestError(state["0.exp_avg_sq"]!.data, tensors["v2.q.embeddings"]!.data)).toBeLessThan(1e-4);
  });
});

describe("the trainer", () => {
  const make = () =>
    multigroup.create(
      { ...defaults, tokens: 8, codes: 3, groups: 4 },
      { latentShape: { channels: 4, height: 2, width: 2 } },
    );

  it("refuses moments of another shape and takes none of them", () => {
    const trainer = trainerOf(make());
    const moments = { shape: [4, 3, 2], data: new Float32Array(24).fill(1) };
    expect(() => trainer.restore({ "0.exp_avg": moments })).toThrow(/nothing under "0.exp_avg_sq"/);
    expect(trainer.state()["0.exp_avg"]!.data.every((value) => value === 0)).toBe(true);
    trainer.restore({ "0.exp_avg": moments, "0.exp_avg_sq": moments });
    expect(trainer.state()["0.exp_avg_sq"]!.data).toEqual(moments.data);
  });

  it("is followed by every reader of the codebooks, and by what replaces them", async () => {
    const quantizer = make();
    const start = Float32Array.from({ length: 24 }, (_, i) => i / 10);
    quantizer.restore({ codebooks: tf.tensor(start, [4, 3, 2]) });
    const trainer = trainerOf(quantizer);
    const latents = tf.tensor4d(start.subarray(0, 16), [1, 2, 2, 4]);
    const codes = await quantizer.quantize(latents);
    const ids = (await codes.data()) as Int32Array;
    const step = { learningRate: 0.5, clipNorm: 1, step: 1 };
    trainer.step(ids, new Float32Array(16).fill(1), step);
    const moved = trainer.lookUp(ids);
    expect(await quantizer.dequantize(codes).data()).toEqual(moved);
    // AdamW's first step moves by the learning rate, against the gradient.
    expect(moved[0]).toBeCloseTo(start[(ids[0]! + 0) * 2]! - 0.5, 5);
    quantizer.restore({ codebooks: tf.tensor(start, [4, 3, 2]) });
    expect(await (await quantizer.quantize(latents)).data()).toEqual(ids);
    expect(trainer.lookUp(ids)[0]).toBeCloseTo(start[ids[0]! * 2]!, 5);
  });
});
