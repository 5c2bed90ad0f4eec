import { createRandom } from "@revq/core";
import { expect, it } from "vitest";
import { benchNearest } from "@revq/nearest/bench";

it("reports every kind of data, right answers and figures that agree with each other", async () => {
  const random = createRandom(1);
  const latents = Float32Array.from({ length: 100 * 8 }, () => random.normal());
  const { results } = await benchNearest({
    queries: 80,
    codes: 90,
    dim: 4,
    groups: 2,
    data: ["gaussian", "uniform", "latents"],
    latents,
    latentSamples: 100,
    repeats: 2,
  });
  expect(results.map(({ data }) => data)).toEqual(["gaussian", "uniform", "latents"]);
  for (const result of results) {
    expect(result).toMatchObject({ engine: "wasm", mismatches: 0, checked: 160 });
    expect(result.pairsPerSecond / result.queriesPerSecond).toBeCloseTo(90, 6);
  }
});

it("refuses `latents` without latents", async () => {
  await expect(benchNearest({ queries: 1, codes: 1, dim: 1, data: "latents" })).rejects.toMatchObject({
    code: "bench-latents",
  });
});
