/** Scales compared with the closed form for normal values. */
import { createRandom } from "@revq/core";
import { expect, it } from "vitest";
import { lfq } from "../src/index.js";
import { stepOfSphere, stepPerElement } from "../src/sign-quantizer.js";

const random = createRandom(8);
/** Two elements, deviations 1 and 3. */
const tokens = Float32Array.from({ length: 100_000 }, (_, i) => random.normal() * (i % 2 === 0 ? 1 : 3));
/** E|x| of a normal value of deviation 1. */
const mean = Math.sqrt(2 / Math.PI);

it("lfq: +-E|x| of every element", () => {
  const [first, second] = stepPerElement(tokens, [2, 2]);
  expect(first! / 2).toBeCloseTo(mean, 1.7);
  expect(second! / 6).toBeCloseTo(mean, 1.7);
});

it("bsq: one radius", () => {
  const steps = stepOfSphere(tokens, [2, 2]);
  expect(steps[0]).toBe(steps[1]);
  expect(steps[0]! / 4).toBeCloseTo(mean, 1.7);
});

it("refuses codes that are not 2^d, and tokens too large for a table", () => {
  const latentShape = { channels: 4, height: 4, width: 4 };
  expect(() => lfq.layout({ tokens: 16, codes: 8, split: "channel" }, latentShape)).toThrow(/2\^4 codes, not 8/);
  expect(() => lfq.layout({ tokens: 2, split: "channel" }, latentShape)).toThrow(/at most 16 elements/);
});
