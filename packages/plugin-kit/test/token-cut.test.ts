/** Eigenvalue allocation in closed form, and cutting and joining on host and engine. */
import "@tensorflow/tfjs-backend-cpu";
import { createRandom, latentSize, tokenOrder, type TransformLayout } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { TokenCut, allocateEigenvalues, gatherElements, tokenOfRank } from "../src/index.js";

beforeAll(() => tf.setBackend("cpu"));

describe("eigenvalue allocation", () => {
  it("gives every token the same product of geometric variances, and neighbours like profiles", () => {
    const variances = Float64Array.from({ length: 32 }, (_, i) => 2 ** -i);
    const indices = allocateEigenvalues(variances, 8, 1);
    const products = new Float64Array(8);
    indices.forEach((index, coefficient) => (products[Math.floor(index / 4)]! += Math.log2(variances[coefficient]!)));
    expect(new Set(products)).toEqual(new Set([products[0]]));
    const first = [0, 1, 2, 3].map((element) => indices.indexOf(element));
    expect(first).toEqual([0, 15, 16, 31]);
    expect([...indices].sort((a, b) => a - b)).toEqual([...variances.keys()]);
  });
  it("puts ranks that follow each other into one group", () => {
    const tokens = Array.from({ length: 12 }, (_, rank) => tokenOfRank(rank, 12, 3));
    expect(tokens.map((token) => token % 3)).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
    expect(new Set(tokens).size).toBe(12);
    expect(tokenOfRank(7, 12, 5)).toBe(7);
  });
});

describe("a token cut", () => {
  const shape = { channels: 3, height: 4, width: 8 };
  const size = latentSize(shape);
  const transform: TransformLayout = { block: [4, 4], blocks: 2, decorrelated: true };
  const random = createRandom(1);
  const values = Float32Array.from({ length: 5 * size }, () => random.normal());
  const variances = Float64Array.from({ length: size / 2 }, () => random.uniform());

  it.each(["channel", "spatial", "block", "eigenvalue"] as const)(
    "%s: host and engine agree, and joining undoes cutting",
    async (split) => {
      const cut = new TokenCut(shape, 24, split, transform, 2);
      cut.fit(variances);
      const order = await cut.order();
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i));
      if (split !== "eigenvalue") expect(order).toEqual(tokenOrder(shape, 24, split));
      const latents = tf.tensor4d(values, [5, 4, 8, 3]);
      const tokens = cut.cut(latents);
      expect(await tokens.data()).toEqual(gatherElements(values, order, 5));
      expect(await cut.join(tokens).data()).toEqual(values);
    },
  );

  it("takes its permutation back", async () => {
    const [cut, again] = [1, 2].map(() => new TokenCut(shape, 24, "eigenvalue", transform, 2)) as [TokenCut, TokenCut];
    cut.fit(variances);
    again.restore(cut.state());
    expect(await again.order()).toEqual(await cut.order());
    expect(Object.keys(cut.state())).toEqual(["permutation"]);
    expect(new TokenCut(shape, 24, "channel", transform).state()).toEqual({});
  });

  it("refuses tokens that blocks cannot share", () => {
    expect(() => new TokenCut(shape, 97, "channel", transform)).toThrow(/do not divide/);
    expect(() => new TokenCut(shape, 3, "eigenvalue", transform)).toThrow(/2 blocks/);
  });
});
