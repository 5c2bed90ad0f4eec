import { describe, expect, it } from "vitest";
import { codeOf, nearestPoint, pointCount, pointOf } from "../src/d4.js";

/** The same numbers every time, in [0, 1). */
function numbers(count: number): number[] {
  let state = 1;
  return Array.from({ length: count }, () => (state = (state * 48271) % 2147483647) / 2147483647);
}

describe.each([3, 5, 7])("a box of %i levels", (levels) => {
  const points = Array.from({ length: pointCount(levels) }, (_, code) => pointOf(code, levels));

  it("numbers its points, every one once", () => {
    expect(new Set(points.map(String)).size).toBe((levels ** 4 + 1) / 2);
    points.forEach((point, code) => {
      expect(point.reduce((sum, value) => sum + value) % 2).toBe(0);
      expect(point.every((value) => value >= 0 && value < levels)).toBe(true);
      expect(codeOf(point, levels)).toBe(code);
    });
  });

  it("finds the nearest of all points, from outside the box too", () => {
    const drawn = numbers(4 * 300).map((value) => value * (levels + 3) - 2);
    for (let i = 0; i < drawn.length; i += 4) {
      const x = drawn.slice(i, i + 4);
      const distance = (point: number[]) => point.reduce((sum, value, j) => sum + (value - x[j]!) ** 2, 0);
      expect(distance(nearestPoint(x, levels))).toBeCloseTo(Math.min(...points.map(distance)), 9);
    }
  });
});

it("errs as much as D4 does: a normalized second moment of 13/120/sqrt(2)", () => {
  const count = 40_000;
  const drawn = numbers(4 * count).map((value) => 20 + value * 24);
  let squares = 0;
  for (let i = 0; i < drawn.length; i += 4) {
    const x = drawn.slice(i, i + 4);
    nearestPoint(x, 65).forEach((value, j) => (squares += (value - x[j]!) ** 2));
  }
  // Conway & Sloane, "Sphere Packings, Lattices and Groups", table 2.3; a cell of D4 has volume 2. The cube's is 1/12.
  const moment = squares / (4 * count) / Math.sqrt(2);
  expect(moment / (13 / 120 / Math.sqrt(2))).toBeCloseTo(1, 2);
});
