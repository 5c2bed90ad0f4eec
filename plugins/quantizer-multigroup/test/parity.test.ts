/** Against PyTorch: the authors' quantizer forward, its gradient, and the reset of unused codes. */
import { cutTokens } from "@revq/plugin-kit";
import type { LatentShape } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { resetUnusedCodes } from "../src/paper-training.js";
import { channelLast, create, fixturesPresent, needs, readFixture } from "./support.js";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ engine: "wasm" });
});
afterAll(() => engine.dispose());

/** 16 tokens of 4 numbers, each one channel. */
const shape: LatentShape = { channels: 16, height: 1, width: 4 };
const defaults = { iterations: 1, init: "sample", samplesPerCode: 1024 } as const;

describe.each([
  { file: "quantizer_forward.safetensors", groups: "token" as const, groupCount: 16 },
  { file: "quantizer_forward_groups4.safetensors", groups: 4, groupCount: 4 },
])("$file", ({ file, groups, groupCount }) => {
  it.skipIf(!fixturesPresent)(`gives PyTorch's indices, output and counts ${needs}`, async () => {
    const { tensors } = await readFixture(file);
    const { embeddings, x, indices, x_quant, count } = tensors as Record<string, { data: Float32Array }>;
    const quantizer = await create({ ...defaults, tokens: 16, codes: 64, split: "channel", groups }, shape);
    quantizer.restore({ codebooks: tf.tensor(embeddings!.data, [groupCount, 64, 4]) });
    const latents = tf.tensor4d(channelLast(x!.data, shape), [10, 1, 4, 16]);

    const codes = await quantizer.quantize(latents);
    const found = await codes.data();
    expect(codes.dtype).toBe("int32");
    expect([...found]).toEqual([...indices!.data]);

    const output = await cutTokens(quantizer.dequantize(codes), shape, 16, "channel").data();
    output.forEach((value, i) => expect(Math.abs(value - x_quant!.data[i]!)).toBeLessThanOrEqual(1e-6));

    const counts = new Float32Array(groupCount * 64);
    found.forEach((code, i) => counts[quantizer.layout.groupOf[i % 16]! * 64 + code]!++);
    expect([...counts]).toEqual([...count!.data]);
  });
});

describe("train_step_T256_K32.safetensors", () => {
  it.skipIf(!fixturesPresent)(`gives PyTorch's indices, loss and codebook gradient ${needs}`, async () => {
    const { tensors } = await readFixture("train_step_T256_K32.safetensors");
    const latentShape = { channels: 32, height: 8, width: 8 };
    const options = { ...defaults, tokens: 256, codes: 32, split: "channel", groups: "token" } as const;
    const quantizer = await create(options, latentShape);
    quantizer.restore({ codebooks: tf.tensor(tensors["p0.q.embeddings"]!.data, [256, 32, 8]) });
    const latents = tf.tensor4d(channelLast(tensors["batch1.x"]!.data, latentShape), [16, 8, 8, 32]);
    const codes = await quantizer.quantize(latents);
    expect([...(await codes.data())]).toEqual([...tensors["indices1"]!.data]);

    const codebooks = quantizer.state()["codebooks"] as tf.Variable;
    const { value, grads } = tf.variableGrads(
      () => tf.mean(tf.square(tf.sub(quantizer.dequantize(codes), latents))) as tf.Scalar,
      [codebooks],
    );
    expect((await value.data())[0]).toBeCloseTo(tensors["losses1"]!.data[0]!, 5);
    const gradient = (await grads[codebooks.name]!.data()) as Float32Array;
    const expected = tensors["g1.q.embeddings"]!.data;
    const scale = expected.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    const worst = gradient.reduce((max, value, i) => Math.max(max, Math.abs(value - expected[i]!)), 0);
    expect(worst).toBeLessThanOrEqual(1e-4 * scale);
  });
});

describe("quantizer_reset.safetensors", () => {
  it.skipIf(!fixturesPresent)(`gives PyTorch's codebooks with its sort order and noise ${needs}`, async () => {
    const { tensors } = await readFixture("quantizer_reset.safetensors");
    const noise = [...tensors["noise.0"]!.data, ...tensors["noise.1"]!.data];
    const order = tensors["sorted_idx"]!.data;
    const { codebooks, replaced } = resetUnusedCodes(
      tensors["embeddings_before"]!.data,
      tensors["count_before"]!.data,
      { groups: 3, dim: 4 },
      () => noise.shift()!,
      (_, group) => order.subarray(group * 32, (group + 1) * 32),
    );
    expect(noise).toEqual([]);
    expect(replaced.length).toBe(9);
    const expected = tensors["embeddings_after"]!.data;
    codebooks.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThanOrEqual(1e-6));
  });

  it.skipIf(!fixturesPresent)(`replaces as many codes of each group with its own sort order ${needs}`, async () => {
    const { tensors } = await readFixture("quantizer_reset.safetensors");
    const before = tensors["embeddings_before"]!.data;
    const counts = tensors["count_before"]!.data;
    const { replaced } = resetUnusedCodes(before, counts, { groups: 3, dim: 4 }, () => 0);
    const perGroup = [0, 0, 0];
    for (const code of replaced) {
      expect(counts[code]).toBe(0);
      perGroup[Math.floor(code / 32)]!++;
    }
    expect(perGroup).toEqual([6, 3, 0]);
  });
});

describe("resetUnusedCodes", () => {
  const one = { groups: 1, dim: 1 };

  it("moves the most used code to the n-th last place", () => {
    const codebooks = Float32Array.from([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    const counts = [0, 5, 9, 0, 7, 1, 1, 1, 1, 1];
    const { codebooks: after, replaced } = resetUnusedCodes(codebooks, counts, one, () => 0);
    // n = min(2, 2); the order is 2 4 1 5 6 7 8 9 | 0 3, so 0 becomes code 2 and 3 becomes code 4.
    expect([...replaced]).toEqual([0, 3]);
    expect([...after]).toEqual([12, 11, 12, 14, 14, 15, 16, 17, 18, 19]);
    expect(codebooks[0]).toBe(10);
  });

  it("replaces nothing where every code was hit, and one code at least where K < 5", () => {
    expect(resetUnusedCodes(Float32Array.of(1, 2, 3), [1, 1, 1], one, () => 0).replaced.length).toBe(0);
    expect([...resetUnusedCodes(Float32Array.of(1, 2, 3), [0, 4, 0], one, () => 10).codebooks]).toEqual([1, 2, 3]);
  });
});
