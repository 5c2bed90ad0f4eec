/**
 * Spacings compared with the optimum of uniform quantizers for the normal distribution (Max,
 * "Quantizing for minimum distortion", 1960, table II), and levels compared with the budget.
 */
import { createRandom } from "@revq/core";
import { describe, expect, it } from "vitest";
import { bestStep } from "../src/fsq-quantizer.js";
import { fsq } from "../src/index.js";
import { gridSize } from "@revq/plugin-kit/descriptor";
import { levelsFor } from "../src/levels.js";

const random = createRandom(3);
const normal = Array.from({ length: 60_000 }, () => random.normal());

it.each([
  [2, 1.596],
  [3, 1.224],
  [4, 0.9957],
  [5, 0.843],
  [8, 0.586],
  [16, 0.3352],
])("%i levels: a spacing of %f", (levels, step) => {
  expect(bestStep(normal, levels) / step).toBeCloseTo(1, 1.5);
});

describe("levels", () => {
  it("are as even as the number of codes allows", () => {
    expect(levelsFor(4, 1024)).toEqual([6, 6, 5, 5]);
    expect(levelsFor(3, 64)).toEqual([4, 4, 4]);
    expect(levelsFor(8, 20)).toEqual([2, 2, 2, 2, 1, 1, 1, 1]);
    expect(gridSize(levelsFor(5, 1000))).toBeLessThanOrEqual(1000);
  });
  it("are refused where they do not fit the tokens", () => {
    const latentShape = { channels: 4, height: 4, width: 4 };
    const options = { tokens: 32, codes: 64, levels: [4, 4, 4], split: "channel" as const };
    expect(() => fsq.layout(options, latentShape)).toThrow(/Tokens have 2 elements here/);
  });
});
