/** Codebooks that a trainer changes in host memory: look-ups and gradients by code against PyTorch's (`train_step_*`). */
import type { HostCodebooks, Quantizer } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { channelLast, create, fixturesPresent, needs, readFixture } from "./support.js";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ engine: "wasm" });
});
afterAll(() => engine.dispose());

const latentShape = { channels: 32, height: 8, width: 8 };
const hostOf = (quantizer: Quantizer): HostCodebooks => quantizer.gradients!.hostCodebooks!;

describe.each([
  { file: "train_step_T256_K32.safetensors", tokens: 256, codes: 32 },
  { file: "train_step_T512_K16.safetensors", tokens: 512, codes: 16 },
])("$file", ({ file, tokens, codes }) => {
  it.skipIf(!fixturesPresent)(`sums PyTorch's gradient by code ${needs}`, async () => {
    const { tensors } = await readFixture(file);
    const dim = 2048 / tokens;
    const quantizer = await create({ tokens, codes, split: "channel", groups: "token" }, latentShape);
    quantizer.restore({ codebooks: tf.tensor(tensors["p0.q.embeddings"]!.data, [tokens, codes, dim]) });
    const host = hostOf(quantizer);
    const values = channelLast(tensors["batch1.x"]!.data, latentShape);
    const found = await quantizer.quantize(tf.tensor4d(values, [values.length / 2048, 8, 8, 32]));
    const ids = (await found.data()) as Int32Array;
    expect([...ids]).toEqual([...tensors["indices1"]!.data]);
    const quantized = host.lookUp(ids);
    expect(quantized).toEqual(await quantizer.dequantize(found).data());

    const gradient = quantized.map((value, i) => (2 * (value - values[i]!)) / values.length);
    const { rows, sums, norm } = host.gradientByCode(ids, gradient);
    const expected = tensors["g1.q.embeddings"]!.data;
    const largest = expected.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    const dense = new Float32Array(expected.length);
    rows.forEach((row, i) => dense.set(sums.subarray(i * dim, (i + 1) * dim), row * dim));
    dense.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-4 * largest));
    expect(norm).toBeCloseTo(Math.hypot(...expected), 5);
  });
});

describe("host codebooks", () => {
  const make = () => create({ tokens: 8, codes: 3, split: "channel", groups: 4 }, { channels: 4, height: 2, width: 2 });

  it("are followed by every reader of the codebooks, and by what replaces them", async () => {
    const quantizer = await make();
    const start = Float32Array.from({ length: 24 }, (_, i) => i / 10);
    quantizer.restore({ codebooks: tf.tensor(start, [4, 3, 2]) });
    const host = hostOf(quantizer);
    const latents = tf.tensor4d(start.subarray(0, 16), [1, 2, 2, 4]);
    const found = await quantizer.quantize(latents);
    const ids = (await found.data()) as Int32Array;
    host.values().forEach((value, i, values) => (values[i] = value - 0.5));
    host.changed();
    const moved = host.lookUp(ids);
    expect(await quantizer.dequantize(found).data()).toEqual(moved);
    expect(moved[0]).toBeCloseTo(start[ids[0]! * 2]! - 0.5, 5);
    quantizer.restore({ codebooks: tf.tensor(start, [4, 3, 2]) });
    expect(await (await quantizer.quantize(latents)).data()).toEqual(ids);
    expect(host.lookUp(ids)[0]).toBeCloseTo(start[ids[0]! * 2]!, 5);
  });

  it("are not offered for codebooks of unequal sizes", async () => {
    const options = { tokens: 8, codes: 4, split: "spatial", groups: 4, allocation: "greedy", sizes: [3, 1, 12, 3] };
    const quantizer = await create(options as never, { channels: 4, height: 2, width: 2 });
    expect(quantizer.gradients!.hostCodebooks).toBeUndefined();
  });
});
