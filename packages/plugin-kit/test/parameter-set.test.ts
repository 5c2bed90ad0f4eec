/** Initial values of parameters against their bounds, and states that are refused as a whole. */
import { createRandom } from "@revq/core";
import { ParameterSet } from "@revq/plugin-kit";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";

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
