/** Reverse water-filling against closed forms. */
import { reverseWaterfill } from "@revq/numerics";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

describe("reverseWaterfill", () => {
  it("of equal variances is D = variance * 2^(-2 R / d)", () => {
    for (const bits of [0, 3, 64, 500]) {
      const { distortionPerElement, active } = reverseWaterfill(new Float64Array(32).fill(1.7), bits);
      expect(distortionPerElement).toBeCloseTo(1.7 * 2 ** ((-2 * bits) / 32), 12);
      expect(active).toBe(bits ? 32 : 0);
    }
  });

  it("of two variances has its closed form on both sides of the corner", () => {
    // (4, 1): the second gets bits once the first has 1, at a level of 1.
    expect(reverseWaterfill([1, 4], 0.5)).toMatchObject({ waterLevel: 2, distortion: 3, active: 1 });
    expect(reverseWaterfill([1, 4], 1)).toMatchObject({ waterLevel: 1, distortion: 2 });
    expect(reverseWaterfill([4, 1], 3).distortion).toBeCloseTo(2 * Math.sqrt(4 * 2 ** -6), 12);
  });

  it("spends exactly the bits, on no dimension below the level", () => {
    const variances = fc.array(fc.double({ min: 1e-6, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(variances, fc.double({ min: 0.01, max: 200, noNaN: true }), (list, bits) => {
        const { waterLevel, distortion } = reverseWaterfill(list, bits);
        const spent = list.reduce((sum, value) => sum + Math.max(0, 0.5 * Math.log2(value / waterLevel)), 0);
        expect(spent).toBeCloseTo(bits, 8);
        const direct = list.reduce((sum, value) => sum + Math.min(value, waterLevel), 0);
        expect(Math.abs(distortion - direct)).toBeLessThan(1e-9 * direct);
      }),
    );
  });

  it("takes zeros and variances that rounding made negative", () => {
    expect(reverseWaterfill([0, 0], 10)).toMatchObject({ distortion: 0, active: 0 });
    expect(reverseWaterfill([-1e-17, 0, 1], 1)).toMatchObject({ distortion: 0.25, active: 1 });
    for (const [list, bits] of [
      [[], 1],
      [[1], -1],
      [[Number.NaN], 1],
      [[1], Number.NaN],
    ] as const) {
      expect(() => reverseWaterfill(list, bits)).toThrow(/Cannot bound/);
    }
  });
});
