/** Bins compared with closed forms of the normal distribution. */
import { createRandom } from "@revq/core";
import { expect, it } from "vitest";
import { tokenbridge } from "../src/index.js";
import { normalBins } from "../src/normal-bins.js";

it("two bins are the halves: means are +-sqrt(2 / pi)", () => {
  const { edges, centres } = normalBins(2);
  expect(edges[0]).toBeCloseTo(0, 12);
  expect(centres[1]).toBeCloseTo(Math.sqrt(2 / Math.PI), 6);
  expect(centres[0]).toBeCloseTo(-Math.sqrt(2 / Math.PI), 6);
});

it("four bins end at the quartiles", () => {
  expect(normalBins(4).edges[0]).toBeCloseTo(-0.6744897501960817, 9);
});

it("bins are hit equally often and their means are those of what falls into them", () => {
  const codes = 7;
  const { edges, centres } = normalBins(codes);
  const [hits, sums] = [new Float64Array(codes), new Float64Array(codes)];
  const random = createRandom(4);
  for (let i = 0; i < 200_000; i++) {
    const value = random.normal();
    const bin = edges.filter((edge) => edge <= value).length;
    hits[bin]! += 1;
    sums[bin]! += value;
  }
  hits.forEach((count, bin) => {
    expect(count / 200_000).toBeCloseTo(1 / codes, 2);
    expect(sums[bin]! / count).toBeCloseTo(centres[bin]!, 1.5);
  });
});

it("refuses a number of tokens that is not the latent's", async () => {
  const latentShape = { channels: 2, height: 2, width: 2 };
  const transform = { block: [1, 1], blocks: 4, decorrelated: false } as const;
  const refusal = expect.objectContaining({ code: "tokens-fixed", message: expect.stringContaining("8 here, not 4") });
  expect(() => tokenbridge.layout({ tokens: 4, codes: 8 }, latentShape)).toThrow(refusal);
  await expect(tokenbridge.create({ tokens: 4, codes: 8 }, { latentShape, transform })).rejects.toEqual(refusal);
});
