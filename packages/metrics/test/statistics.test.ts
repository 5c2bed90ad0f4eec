import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CovarianceAccumulator, distortionOfDesign, reverseWaterfill } from "../src/index.js";

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

  it("applies a design to other data", () => {
    const design = Float64Array.of(4, 1, 0.1, 0);
    const { waterLevel, distortionPerElement } = reverseWaterfill(design, 1);
    expect(waterLevel).toBe(1);
    expect(distortionOfDesign(design, design, waterLevel)).toBeCloseTo(distortionPerElement, 14);
    expect(distortionOfDesign(design, Float64Array.of(8, 3, 0.2, 0.4), waterLevel)).toBeCloseTo(
      (2 + 3 + 0.2 + 0.4) / 4,
      14,
    );
  });

  it("takes variances of nothing: zeros, rounding below zero", () => {
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

describe("CovarianceAccumulator", () => {
  const d = 5;
  const n = 203;
  const offset = 1e6; // naive sums of squares would lose all but four digits
  const vectors = Float64Array.from({ length: n * d }, (_, i) => offset + Math.sin(i * 0.7) + 0.3 * Math.cos(i * i));

  /** Two passes, straight from the definition. */
  const expected = (() => {
    const mean = Array.from({ length: d }, (_, j) => {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += vectors[i * d + j]! - offset;
      return sum / n;
    });
    const covariance = new Float64Array(d * d);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < d; j++) {
        for (let k = 0; k < d; k++) {
          covariance[j * d + k]! +=
            ((vectors[i * d + j]! - offset - mean[j]!) * (vectors[i * d + k]! - offset - mean[k]!)) / n;
        }
      }
    }
    return { mean: mean.map((value) => value + offset), covariance };
  })();

  function check(accumulator: CovarianceAccumulator): void {
    expect(accumulator.count).toBe(n);
    accumulator.mean.forEach((value, j) => expect(value).toBeCloseTo(expected.mean[j]!, 8));
    accumulator.covariance().forEach((value, i) => expect(value).toBeCloseTo(expected.covariance[i]!, 9));
    accumulator
      .covariance({ correction: 1 })
      .forEach((value, i) => expect(value).toBeCloseTo((expected.covariance[i]! * n) / (n - 1), 9));
  }

  it.each([1, 3, 4, 64, n])("does not depend on batches of %d", (batch) => {
    const accumulator = new CovarianceAccumulator(d);
    for (let i = 0; i < n; i += batch) accumulator.add(vectors.subarray(i * d, Math.min(n, i + batch) * d));
    check(accumulator);
  });

  it("merges parts to the same result", () => {
    const parts = [0, 50, 51, 203, 203].map((end, i, ends) => {
      const part = new CovarianceAccumulator(d);
      part.add(vectors.subarray((ends[i - 1] ?? 0) * d, end * d));
      return part;
    });
    const whole = new CovarianceAccumulator(d);
    for (const part of parts.reverse()) whole.merge(part);
    check(whole);
    const twice = new CovarianceAccumulator(d);
    twice.add(vectors);
    const before = twice.covariance();
    twice.merge(twice);
    expect(twice.count).toBe(2 * n);
    twice.covariance().forEach((value, i) => expect(value).toBeCloseTo(before[i]!, 12));
  });

  it("refuses what it cannot do", () => {
    const accumulator = new CovarianceAccumulator(3);
    expect(() => accumulator.add(new Float32Array(4))).toThrow(/vectors of 3/);
    expect(() => accumulator.covariance()).toThrow(/0 vectors/);
    accumulator.add(new Float32Array(3));
    expect(() => accumulator.covariance({ correction: 1 })).toThrow(/1 vectors/);
    expect(() => accumulator.merge(new CovarianceAccumulator(2))).toThrow(/3 and 2/);
  });
});
