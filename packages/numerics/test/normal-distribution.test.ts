/**
 * Against tabulated values (Abramowitz and Stegun, table 26.1; NIST) and the parameters' start
 * against its bounds.
 */
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { ParameterSet, createRandom, normalCumulative, normalQuantile } from "../src/index.js";

it.each([
  [0, 0.5],
  [1, 0.841344746068543],
  [-1.96, 0.0249978951482204],
  [3, 0.99865010196837],
  [-8, 6.220960574271785e-16],
])("P(X <= %f) = %f", (x, p) => {
  expect(Math.abs(normalCumulative(x) - p)).toBeLessThan(1e-14);
});

it.each([
  [0.5, 0],
  [0.975, 1.959963984540054],
  [0.001, -3.090232306167813],
])("the %f quantile is %f", (p, x) => {
  expect(normalQuantile(p)).toBeCloseTo(x, 10);
});

it("parameters start as PyTorch's do, and are taken up whole or not at all", async () => {
  await tf.setBackend("cpu");
  const table = [
    { name: "weight", shape: [8, 16], start: { fanIn: 16 } },
    { name: "scale", shape: [8], start: 1 },
  ];
  const set = new ParameterSet(table, createRandom(1));
  const weights = await set.get("weight").data();
  expect(Math.max(...weights.map(Math.abs))).toBeLessThanOrEqual(0.25);
  expect(Math.max(...weights.map(Math.abs))).toBeGreaterThan(0.2);
  expect([...(await set.get("scale").data())]).toEqual(new Array(8).fill(1));
  expect(() => set.restore({ weight: tf.zeros([8, 16]), scale: tf.zeros([4]) })).toThrow(/expected \[8\]/);
  expect(() => set.restore({ other: tf.zeros([1]) })).toThrow(/no parameter other/);
  expect(await set.get("weight").data()).toEqual(weights);
  set.dispose();
});
