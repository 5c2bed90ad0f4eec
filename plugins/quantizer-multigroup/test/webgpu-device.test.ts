/** Needs a WebGPU device; runs inside swiftshader.test.ts, or where there is a GPU. */
import { createRandom, tokenOrder, type TokenSplit } from "@revq/core";
import { availableEngines, createEngine, type Engine } from "@revq/engine";
import { nearestCodesSync } from "@revq/nearest";
import { latentSource, randomLatents } from "@revq/testkit";
import { create as createQuantizer } from "./support.js";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

const shape = { channels: 4, height: 4, width: 4 };
const present = (await availableEngines()).includes("webgpu");

it.runIf(process.env["REVQ_TEST_SWIFTSHADER"] !== undefined)("comes up on SwiftShader", () =>
  expect(present).toBe(true),
);

describe.skipIf(!present)("a WebGPU device (needs a GPU, or SwiftShader through swiftshader.test.ts)", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine({ engine: "webgpu" });
  });
  afterAll(() => engine.dispose());

  const create = async (options: object) => {
    const quantizer = await createQuantizer({ tokens: 16, codes: 33, ...options }, shape);
    await quantizer.gradients!.initialize(latentSource(shape, randomLatents(shape, 60, 3)), createRandom(1));
    return quantizer;
  };

  it.each([
    { split: "channel", groups: "token" },
    { split: "spatial", groups: 3 },
    { split: "channel", groups: "channel" },
  ] as const)("quantize finds the reference's codes without downloading latents: %o", async (options) => {
    const quantizer = await create(options);
    const latents = randomLatents(shape, 9, 5);
    const x = tf.tensor4d(latents, [9, 4, 4, 4]);
    const before = tf.memory().numTensors;
    const read = vi.spyOn(tf.backend(), "read");
    const codes = await quantizer.quantize(x);
    expect(read.mock.calls.map(([id]) => id)).not.toContain(x.dataId);
    read.mockRestore();
    expect(tf.memory().numTensors).toBe(before + 1);

    const { codebookSizes, groupOf } = quantizer.layout;
    const groups = codebookSizes.length;
    const order = tokenOrder(shape, 16, options.split as TokenSplit);
    const cut = Float32Array.from({ length: latents.length }, (_, i) => latents[i - (i % 64) + order[i % 64]!]!);
    const books = (await quantizer.state()["codebooks"]!.data()) as Float32Array;
    const layout = { samples: 9, groups, codes: 33, dim: 4, tokens: 16, groupOf };
    expect(codes.dtype).toBe("int32");
    expect(await codes.data()).toEqual(nearestCodesSync(cut, books, layout, { engine: "reference" }).indices);
    tf.dispose([x, codes]);
    quantizer.dispose();
  });

  it("refuses NaN and infinities, and takes no samples", async () => {
    const quantizer = await create({ split: "channel", groups: "token" });
    for (const value of [NaN, Infinity]) {
      const x = tf.tensor4d(
        Float32Array.from({ length: 64 }, (_, i) => (i === 7 ? value : 1)),
        [1, 4, 4, 4],
      );
      const before = tf.memory().numTensors;
      await expect(quantizer.quantize(x)).rejects.toMatchObject({ code: "latent-not-finite" });
      expect(tf.memory().numTensors).toBe(before);
      x.dispose();
    }
    const none = tf.zeros([0, 4, 4, 4]) as tf.Tensor4D;
    const codes = await quantizer.quantize(none);
    expect(codes.shape).toEqual([0, 16]);
    tf.dispose([none, codes]);
    quantizer.dispose();
  });
});
