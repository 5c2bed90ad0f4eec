/** The sample of ids that the prior is measured on, alone and in parts. */
import { createRandom, sharedTokenLayout } from "@revq/core";
import { TokenPrior } from "@revq/metrics";
import { describe, expect, it } from "vitest";
import { EvenRows, IdSample, maxPriorTokens } from "../src/evaluation/prior-cost.js";

const layout = sharedTokenLayout(8, 4);
/** Every token is one more than the token before it. */
function counting(images: number, seed: number): Int32Array {
  const random = createRandom(seed);
  const ids = new Int32Array(images * 8);
  for (let i = 0; i < ids.length; i++) ids[i] = i % 8 === 0 ? random.integer(4) : (ids[i - 1]! + 1) % 4;
  return ids;
}

describe("the cost to model", () => {
  it("is that of the first token where the others follow from it", () => {
    const sample = new IdSample(layout, { expected: 100, first: 0 });
    sample.add(counting(100, 1));
    const prior = new TokenPrior(layout);
    prior.learn(counting(400, 2));
    const cost = sample.cost(prior, null)!;
    expect(cost).toMatchObject({ fittedOn: "training", fittedImages: 400 });
    expect(cost.bitsPerImage).toBeGreaterThan(1.9);
    expect(cost.bitsPerImage).toBeLessThan(2.3);
    expect(cost.bitsPerToken).toBeCloseTo(cost.bitsPerImage / 8, 12);
  });

  it("is measured by halves without training ids, and on no single image", () => {
    const sample = new IdSample(layout, { expected: 300, first: 0 });
    sample.add(counting(1, 1));
    expect(sample.cost(null, null)).toBeNull();
    sample.add(counting(299, 3));
    const cost = sample.cost(null, null)!;
    expect(cost).toMatchObject({ fittedOn: "halves", fittedImages: 150 });
    expect(cost.bitsPerImage).toBeLessThan(2.5);
  });

  it("is the same of parts", () => {
    const ids = counting(10, 1);
    const whole = new IdSample(layout, { expected: 10, first: 0 });
    whole.add(ids);
    const joined = new IdSample(layout, { expected: 10, first: 0 });
    for (const [first, end] of [
      [0, 4],
      [4, 10],
    ] as const) {
      const part = new IdSample(layout, { expected: 10, first });
      part.add(ids.subarray(first * 8, end * 8));
      joined.merge(part.state());
    }
    expect(joined.cost(null, null)).toEqual(whole.cost(null, null));
  });
});

describe("chosen rows", () => {
  it("are all, or spread evenly over the data, in parts too", () => {
    const chosen = (tokens: number, expected: number, first = 0, end = expected): number[] => {
      const rows = new EvenRows(tokens, { expected, first });
      return Array.from({ length: end - first }, (_, i) => first + i).filter(() => rows.takes());
    };
    expect(chosen(8, 5)).toEqual([0, 1, 2, 3, 4]);
    const quarter = maxPriorTokens / 4;
    expect(chosen(quarter, 12)).toEqual([2, 5, 8, 11]);
    expect([...chosen(quarter, 12, 0, 7), ...chosen(quarter, 12, 7)]).toEqual([2, 5, 8, 11]);
  });
});
