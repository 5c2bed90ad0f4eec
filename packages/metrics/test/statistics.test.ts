import { describe, expect, it } from "vitest";
import { CovarianceAccumulator } from "../src/index.js";

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
