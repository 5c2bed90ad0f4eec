import { createRandom, quietContext } from "@revq/core";
import { reverseWaterfill } from "@revq/numerics";
import { createEngine, type Engine } from "@revq/engine";
import { latentSource } from "@revq/testkit";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allocateCodes } from "../src/greedy-allocation.js";
import { create, resolve1 } from "./support.js";

describe("allocateCodes", () => {
  it("gives every factor 2 of standard deviation one bit per element more (high rate, closed form)", () => {
    const group = (deviation: number) => ({ variances: [deviation ** 2, deviation ** 2], tokens: 3, max: 2 ** 20 });
    const sizes = allocateCodes([group(1), group(2), group(8)], 3 * (6 + 8 + 12));
    expect(sizes.map(Math.log2)).toEqual([6, 8, 12]);
  });

  it("gives groups that are alike the same", () => {
    const group = { variances: [3, 1, 0.1, 0], tokens: 2, max: 1024 };
    expect(allocateCodes([group, group, group], 2 * 3 * 7)).toEqual([128, 128, 128]);
  });

  it("comes close to the least error that so many bits can have (reverse water-filling over all elements, closed form)", () => {
    const random = createRandom(1);
    for (let trial = 0; trial < 20; trial++) {
      const groups = Array.from({ length: 5 }, () => ({
        variances: Float64Array.from({ length: 3 }, () => Math.exp(2 * random.normal())),
        tokens: 1,
        max: 2 ** 20,
      }));
      const sizes = allocateCodes(groups, 40);
      const spent = sizes.reduce((sum, codes) => sum + Math.log2(codes), 0);
      const error = sizes.reduce(
        (sum, codes, g) => sum + reverseWaterfill(groups[g]!.variances, Math.log2(codes)).distortion,
        0,
      );
      expect(spent).toBeLessThanOrEqual(40);
      expect(spent).toBeGreaterThan(39.7);
      const all = groups.flatMap(({ variances }) => [...variances]);
      expect(error).toBeLessThan(1.01 * reverseWaterfill(all, spent).distortion);
    }
  });

  it("keeps to the largest size and to the bits, and spends the rest elsewhere", () => {
    const sizes = allocateCodes(
      [
        { variances: [100], tokens: 1, max: 16 },
        { variances: [1], tokens: 2, max: 4096 },
      ],
      20,
    );
    expect(sizes).toEqual([16, 256]);
  });
});

describe("allocation greedy", () => {
  const latentShape = { channels: 2, height: 4, width: 4 };
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine({ engine: "wasm" });
  });
  afterAll(() => engine.dispose());

  /** Channel 0 varies eight times as much as channel 1. */
  function unequal(count: number, seed: number): Float32Array {
    const random = createRandom(seed);
    return Float32Array.from({ length: count * 32 }, (_, i) => random.normal() * (i % 2 === 0 ? 1.4 : 0.175));
  }

  async function heldOutError(options: object): Promise<{ mse: number; codes: readonly number[] }> {
    const source = latentSource(latentShape, unequal(2000, 1));
    const complete = { tokens: 16, codes: 16, split: "channel", groups: "channel", ...options } as const;
    const resolved = await resolve1({ options: complete, latentShape, samples: 2000, latents: source });
    const quantizer = await create(resolved.options, latentShape);
    await quantizer.fit(source, quietContext(createRandom(3)));
    const latents = tf.tensor4d(unequal(500, 9), [500, 4, 4, 2]);
    const ids = await quantizer.quantize(latents);
    const mse = tf.tidy(() => tf.mean(tf.squaredDifference(quantizer.dequantize(ids), latents)).dataSync()[0]!);
    tf.dispose([latents, ids]);
    const sizes = quantizer.layout.codebookSizes;
    quantizer.dispose();
    return { mse, codes: sizes };
  }

  it("moves codes to where latents vary, at no more bits and less held-out error", async () => {
    const equal = await heldOutError({});
    const greedy = await heldOutError({ allocation: "greedy" });
    expect(equal.codes).toEqual([16, 16]);
    expect(greedy.codes[0]).toBeGreaterThan(64);
    expect(greedy.codes[1]).toBeLessThan(4);
    expect(Math.log2(greedy.codes[0]! * greedy.codes[1]!)).toBeLessThanOrEqual(8);
    expect(greedy.mse).toBeLessThan(0.6 * equal.mse);
  });

  it("refuses sizes for another number of groups, sizes with equal allocation, and sizes left open", async () => {
    const make = (options: object): Promise<unknown> =>
      create({ tokens: 16, codes: 16, split: "channel", groups: "channel", ...options }, latentShape);
    await expect(make({ allocation: "greedy", sizes: [4, 4, 4] })).rejects.toThrow(
      "lists 3 codebooks, but there are 2 groups",
    );
    await expect(make({ sizes: [4, 4] })).rejects.toThrow("allocation is equal");
    await expect(make({ allocation: "greedy" })).rejects.toThrow("sizes is open");
  });
});
