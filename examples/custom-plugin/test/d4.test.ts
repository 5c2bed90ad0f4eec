import { describe, expect, it } from "vitest";
import { idOf, nearestPoint, pointCount, pointOf } from "../src/d4.js";

/** Seeded points of four numbers in [0, 1). */
function draw(count: number): number[][] {
  let state = 1;
  const next = () => (state = (state * 48271) % 2147483647) / 2147483647;
  return Array.from({ length: count }, () => [next(), next(), next(), next()]);
}
const distance = (a: readonly number[], b: readonly number[]) => a.reduce((sum, v, i) => sum + (v - b[i]!) ** 2, 0);

describe.each([3, 5, 7])("a box of %i levels", (levels) => {
  const points = Array.from({ length: pointCount(levels) }, (_, id) => pointOf(id, levels));

  it("has every point of D4 once", () => {
    expect(new Set(points.map(String)).size).toBe((levels ** 4 + 1) / 2);
    points.forEach((point, id) => {
      expect(point.reduce((sum, value) => sum + value) % 2).toBe(0);
      expect(point.every((value) => value >= 0 && value < levels)).toBe(true);
      expect(idOf(point, levels)).toBe(id);
    });
  });

  it("finds the nearest of all points, also from outside the box", () => {
    for (const drawn of draw(300)) {
      const x = drawn.map((value) => value * (levels + 3) - 2);
      const nearest = Math.min(...points.map((point) => distance(point, x)));
      expect(distance(nearestPoint(x, levels), x)).toBeCloseTo(nearest, 9);
    }
  });
});

it("has the error of D4: a normalized second moment of 13/120/sqrt(2)", () => {
  const drawn = draw(40_000).map((x) => x.map((value) => 20 + value * 24));
  const squares = drawn.reduce((sum, x) => sum + distance(nearestPoint(x, 65), x), 0);
  // Conway and Sloane, "Sphere Packings, Lattices and Groups", table 2.3. A cell of D4 has volume 2. The cube's is 1/12.
  const moment = squares / (4 * drawn.length) / Math.sqrt(2);
  expect(moment / (13 / 120 / Math.sqrt(2))).toBeCloseTo(1, 2);
});
