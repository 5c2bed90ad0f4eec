import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CodeCounter,
  codebookUsage,
  entropyBits,
  groupEntropyBits,
  groupPerplexity,
  measuredBitsPerImage,
  perplexity,
} from "../src/index.js";

describe("statistics of code counts", () => {
  it("have their closed forms", () => {
    expect(perplexity(new Float64Array(64).fill(3))).toBeCloseTo(64, 10); // uniform
    expect(perplexity([0, 9, 0, 0])).toBe(1); // one code
    expect(entropyBits([1, 1, 2])).toBeCloseTo(1.5, 14);
    expect(entropyBits([8, 4, 2, 1, 1])).toBeCloseTo(1.875, 14); // dyadic
    expect(codebookUsage([0, 9, 1, 0])).toBe(0.5);
  });

  it("of groups are per group", () => {
    const layout = { codebookSizes: [2, 4], groupOf: Int32Array.of(0, 1, 0) };
    const counts = [5, 5, 3, 3, 3, 3];
    expect([...groupEntropyBits(counts, layout)]).toEqual([1, 2]);
    expect(groupPerplexity(counts, layout)).toBe(3);
    expect(measuredBitsPerImage(counts, layout)).toBe(4); // 1 + 2 + 1
    expect(() => groupEntropyBits(counts.slice(1), layout)).toThrow(/Expected 6 counts/);
  });

  it("of nothing are refused", () => {
    for (const statistic of [codebookUsage, entropyBits, perplexity])
      expect(() => statistic([0, 0])).toThrow(/No code/);
  });

  it("stay within their bounds", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { minLength: 1, maxLength: 50 }), (counts) => {
        fc.pre(counts.some((count) => count > 0));
        const used = counts.filter((count) => count > 0).length;
        expect(perplexity(counts)).toBeGreaterThanOrEqual(1);
        expect(perplexity(counts)).toBeLessThanOrEqual(used * (1 + 1e-12));
        expect(codebookUsage(counts)).toBe(used / counts.length);
      }),
    );
  });
});

describe("CodeCounter", () => {
  const layout = { count: 3, codebookSizes: [4, 2], groupOf: Int32Array.of(0, 1, 0) };

  it("counts ids under their token's group", () => {
    const counter = new CodeCounter(layout);
    counter.add(Int32Array.of(3, 1, 0, 3, 0, 3));
    counter.add(Int32Array.of(0, 0, 2));
    expect([...counter.counts]).toEqual([2, 0, 1, 3, 2, 1]);
    expect(counter.images).toBe(3);
    expect(counter.usage).toBeCloseTo(5 / 6, 14);
    expect(counter.perplexity).toBeCloseTo((2 ** entropyBits([2, 0, 1, 3]) + 2 ** entropyBits([2, 1])) / 2, 12);
    expect(counter.bitsPerImage).toBeCloseTo(2 * entropyBits([2, 0, 1, 3]) + entropyBits([2, 1]), 12);
    counter.reset();
    expect(counter.images).toBe(0);
    expect(() => counter.usage).toThrow(/No code/);
  });

  it("refuses ids of another shape or range and counts nothing of them", () => {
    const counter = new CodeCounter(layout);
    expect(() => counter.add(Int32Array.of(0, 0))).toThrow(/2 ids/);
    expect(() => counter.add(Int32Array.of(0, 0, 0, 0, 2, 0))).toThrow(
      /Token 1 of image 1 has id 2; its codebook has 2 codes/,
    );
    expect(() => counter.add(Int32Array.of(-1, 0, 0))).toThrow(/id -1/);
    expect([...counter.counts]).toEqual([0, 0, 0, 0, 0, 0]);
  });
});
