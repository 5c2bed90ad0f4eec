import { createRandom } from "@revq/core";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { closeWorkers, kmeans, type KMeansState } from "@revq/nearest";
import { families, makeProblem } from "./problems.js";

afterAll(closeWorkers);
const runs = process.env["REVQ_TEST_FULL"] === undefined ? 1 : 10;

const normals = (length: number, seed: number): Float32Array => {
  const random = createRandom(seed);
  return Float32Array.from({ length }, () => random.normal());
};
const shape = { samples: 200, groups: 3, dim: 2 };
const latents = normals(1200, 5);

it("finds separated clusters and their means", async () => {
  const centres = [-30, -10, 10, 30];
  const noise = normals(400, 1);
  const points = noise.map((value, i) => centres[i % 4]! + value * 0.1);
  const { codebooks, distortion, usage } = await kmeans(
    points,
    { samples: 400, groups: 1, dim: 1 },
    { codes: 4, init: "kmeans++", seed: 3 },
  );
  const found = [...codebooks].sort((a, b) => a - b);
  centres.forEach((_, c) => {
    const own = points.filter((_, i) => i % 4 === c);
    expect(found[c]).toBeCloseTo(own.reduce((sum, x) => sum + x, 0) / own.length, 4);
  });
  expect(distortion.at(-1)).toBeLessThan(0.02);
  expect(usage).toBe(1);
});

it("is the mean and the variance at one code", async () => {
  const { codebooks, counts, distortion } = await kmeans(latents, shape, { codes: 1, iterations: 2 });
  let total = 0;
  for (let i = 0; i < 6; i++) {
    let mean = 0;
    for (let n = 0; n < 200; n++) mean += latents[n * 6 + i]! / 200;
    expect(codebooks[i]).toBeCloseTo(mean, 6);
    for (let n = 0; n < 200; n++) total += (latents[n * 6 + i]! - mean) ** 2;
  }
  expect(distortion.at(-1)).toBeCloseTo(total / 1200, 5);
  expect([...counts]).toEqual([200, 200, 200]);
});

it.each(["sample", "kmeans++"] as const)("never gets worse from pass to pass, init %s", async (init) => {
  const { distortion, revived } = await kmeans(latents, shape, { codes: 12, iterations: 12, init });
  for (let i = 1; i < distortion.length; i++) {
    if (!revived[i - 1]) expect(distortion[i]).toBeLessThanOrEqual(distortion[i - 1]! * (1 + 1e-7));
  }
});

it("revives empty clusters", async () => {
  // Two groups of start codes far from all data: they can only come alive by splitting.
  const first = await kmeans(latents, shape, { codes: 8, iterations: 1 });
  const codebooks = first.state.codebooks.slice().fill(1e3, 8, 16);
  const start: KMeansState = { ...first.state, codebooks };
  const { usage, revived } = await kmeans(latents, shape, { codes: 8, iterations: 6, start });
  expect(revived.at(1)).toBeGreaterThan(0);
  expect(usage).toBe(1);
});

it("gives the same bits for the same seed, and others for another", async () => {
  const run = (seed: number) => kmeans(latents, shape, { codes: 16, seed });
  expect((await run(7)).codebooks).toEqual((await run(7)).codebooks);
  expect((await run(8)).codebooks).not.toEqual((await run(7)).codebooks);
});

describe("every engine and any number of threads", () => {
  it("give the same bits, whatever the data", async () => {
    const problems = fc.record({
      family: fc.constantFrom(...Object.keys(families)),
      samples: fc.integer({ min: 1, max: 400 }),
      groups: fc.integer({ min: 1, max: 3 }),
      extra: fc.integer({ min: 0, max: 2 }),
      codes: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(96, 130)),
      dim: fc.oneof(fc.constantFrom(4, 8), fc.integer({ min: 1, max: 9 })),
      seed: fc.integer({ min: 0, max: 1e6 }),
    });
    await fc.assert(
      fc.asyncProperty(problems, async ({ family, samples, groups, extra, codes, dim, seed }) => {
        const tokens = groups + extra;
        const { latents } = makeProblem(family, samples, groups, codes, dim, tokens, seed);
        const fit = (engine: "reference" | "wasm") =>
          kmeans(latents, { samples, groups, dim, tokens }, { codes, iterations: 7, seed, engine });
        expect(await fit("wasm")).toEqual(await fit("reference"));
      }),
      { numRuns: 150 * runs },
    );
  });

  it.each([
    ["gaussian", 4, 900, 700],
    ["small integers", 4, 1200, 500],
    ["gaussian", 8, 900, 700],
    ["gaussian", 6, 900, 700],
  ])("give the same bits in worker threads: %s, d = %i", async (family, dim, samples, codes) => {
    const { latents } = makeProblem(family, samples, 9, codes, dim, 9, 1);
    const fit = (engine: "reference" | "wasm", threads: number) =>
      kmeans(latents, { samples, groups: 9, dim }, { codes, iterations: 12, engine, threads });
    const expected = await fit("reference", 1);
    for (const threads of [1, 2, 3]) expect(await fit("wasm", threads)).toEqual(expected);
  });
});

it("goes on from a state that went through JSON as if it had not stopped", async () => {
  const whole = await kmeans(latents, shape, { codes: 64, iterations: 6, seed: 2 });
  const controller = new AbortController();
  let saved = "";
  const stopped = kmeans(latents, shape, {
    codes: 64,
    iterations: 6,
    seed: 2,
    signal: controller.signal,
    onState(state) {
      saved = JSON.stringify({ ...state, codebooks: [...state.codebooks], counts: [...state.counts] });
      if (state.iteration === 3) controller.abort(new Error("Ctrl-C"));
    },
  });
  await expect(stopped).rejects.toThrow("Ctrl-C");
  const read = JSON.parse(saved) as KMeansState;
  const start = { ...read, codebooks: Float32Array.from(read.codebooks), counts: Float64Array.from(read.counts) };
  const resumed = await kmeans(latents, shape, { codes: 64, iterations: 6, start });
  expect(resumed.codebooks).toEqual(whole.codebooks);
  expect(resumed.distortion).toEqual(whole.distortion);
});

it("copes with more codes than samples, and with samples that are all alike", async () => {
  const few = await kmeans(latents.subarray(0, 18), { samples: 3, groups: 3, dim: 2 }, { codes: 10 });
  expect(few.distortion.at(-1)).toBe(0);
  const alike = await kmeans(
    new Float32Array(60).fill(2),
    { samples: 20, groups: 1, dim: 3 },
    { codes: 5, init: "kmeans++" },
  );
  expect([...alike.codebooks]).toEqual(new Array(15).fill(2));
});

it("refuses no samples and a state of another shape", async () => {
  await expect(kmeans(new Float32Array(0), { samples: 0, groups: 1, dim: 1 }, { codes: 2 })).rejects.toMatchObject({
    code: "kmeans-no-samples",
  });
  const { state } = await kmeans(latents, shape, { codes: 2, iterations: 1 });
  await expect(kmeans(latents, shape, { codes: 3, start: state })).rejects.toMatchObject({ code: "kmeans-start" });
});

it("reports every pass", async () => {
  const seen: number[] = [];
  await kmeans(latents, shape, {
    codes: 4,
    iterations: 3,
    measure: false,
    onProgress: ({ iteration }) => seen.push(iteration),
  });
  expect([...new Set(seen)]).toEqual([0, 1, 2]);
});
