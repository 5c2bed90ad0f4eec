import { expect, it } from "vitest";
import { createAdamWStep, plainStep, type AdamWAttributes, type Moving } from "../src/kernels/adamw.js";

const attributes: AdamWAttributes = { rate: 3e-3, keep: 0.999, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

function values(length: number, seed: number, scale = 1): Float32Array {
  return Float32Array.from({ length }, (_, i) => scale * Math.sin(1.7 * i + seed) * 10 ** ((i % 9) - 6));
}

function zeros(length: number): Moving {
  return [new Float32Array(length), new Float32Array(length), new Float32Array(length)];
}

it.each([1, 2, 7, 8192, 8193, 30_001])("WebAssembly and JavaScript give the same bits: %i elements", (length) => {
  const kernelStep = createAdamWStep();
  expect(kernelStep).not.toBe(plainStep);
  const before: Moving = [values(length, 1), values(length, 2), values(length, 3).map(Math.abs)];
  const gradient = values(length, 4, 1e3);
  gradient[length >> 1] = 0;
  const [fast, plain] = [zeros(length), zeros(length)];
  kernelStep(before, gradient, fast, 0.37, attributes);
  plainStep(before, gradient, plain, 0.37, attributes);
  expect(fast).toEqual(plain);
  expect(fast[0]).not.toEqual(before[0]);
});

it("moves by the rate times the sign of the first gradient", () => {
  const after = zeros(3);
  const first = { rate: 0.5 * Math.sqrt(0.001) * 10, keep: 1, beta1: 0.9, beta2: 0.999, epsilon: 0 };
  createAdamWStep()(zeros(3), Float32Array.of(5, -0.25, 1e-4), after, 1, first);
  for (const [i, sign] of [-1, 1, -1].entries()) expect(after[0][i]).toBeCloseTo(0.5 * sign, 6);
});

it("NaN stays in its element", () => {
  const after = zeros(3);
  createAdamWStep()(zeros(3), Float32Array.of(1, Number.NaN, 1), after, 1, attributes);
  expect([...after[0]].map(Number.isNaN)).toEqual([false, true, false]);
});
