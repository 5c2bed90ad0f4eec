/** Progressive reveal: orders, costs, and tokens that say nothing. */
import { createEngine, type Engine } from "@revq/engine";
import { multigroup } from "@revq/quantizer-multigroup";
import * as tf from "@tensorflow/tfjs-core";
import { none } from "@revq/transform-block";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bytesOf, hiddenAfter, orderByGroup, orderByWeight, playedCounts } from "../src/page/reveal.js";
import { coefficientsOf } from "../src/worker/hidden-tokens.js";

describe("the first n tokens", () => {
  it("are in the order of groups, or the heaviest first", () => {
    expect([...orderByGroup(Int32Array.of(1, 0, 1, 0))]).toEqual([1, 3, 0, 2]);
    expect([...orderByWeight([1, 5, 5, 9])]).toEqual([3, 1, 2, 0]);
    expect([...hiddenAfter(Int32Array.of(2, 0, 1), 2)]).toEqual([0, 1, 0]);
  });

  it("cost their bits", () => {
    const order = Int32Array.of(1, 0, 2);
    const cost = (count: number): number => bytesOf(order, count, Int32Array.of(0, 1, 1), [256, 16]);
    expect([0, 1, 2, 3].map(cost)).toEqual([0, 0.5, 1.5, 2]);
  });

  it("are played from none to all", () => {
    const counts = playedCounts(1024, 24);
    expect([counts[0], counts.at(-1)]).toEqual([0, 1024]);
    expect(counts).toEqual([...new Set(counts)].sort((a, b) => a - b));
    expect(playedCounts(2, 24)).toEqual([0, 1, 2]);
  });
});

describe("hidden tokens", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine({ engine: "cpu" });
  });
  afterAll(() => engine.dispose());

  it("are at the mean of their codes, the others as they are", async () => {
    const latentShape = { channels: 1, height: 2, width: 2 };
    const transform = await none.create({}, { latentShape, tokens: 4 });
    const quantizer = await multigroup.create(
      { tokens: 4, codes: 3, split: "spatial", groups: "token", iterations: 1, init: "sample", samplesPerCode: 1 },
      { latentShape, transform: transform.layout },
    );
    // Token t has the codes 10 t, 10 t + 1 and 10 t + 5; their mean is 10 t + 2.
    const codes = tf.tensor(
      [0, 1, 2, 3].flatMap((t) => [10 * t, 10 * t + 1, 10 * t + 5]),
      [4, 3, 1],
    );
    quantizer.restore({ codebooks: codes });
    const before = tf.memory().numTensors;
    const values = await tf
      .tidy(() => coefficientsOf(quantizer, Int32Array.of(1, 1, 2, 0), Uint8Array.of(0, 1, 0, 1)))
      .data();
    expect([...values].map((value) => Math.round(value * 1000) / 1000)).toEqual([1, 12, 25, 32]);
    expect(tf.memory().numTensors).toBe(before + 1);
    codes.dispose();
  });
});
