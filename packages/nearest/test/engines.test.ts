/** Every engine against the definition, and the definition against float64. */
import { createRandom } from "@revq/core";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import {
  closeWorkers,
  createSearchMemory,
  nearestCodes,
  nearestCodesSync,
  sharedFloat32,
  type NearestOptions,
} from "@revq/nearest";
import { families, makeProblem, type Problem } from "./problems.js";

afterAll(closeWorkers);
const runs = process.env["REVQ_TEST_FULL"] === undefined ? 1 : 10;

const problems = fc
  .record({
    family: fc.constantFrom(...Object.keys(families)),
    samples: fc.integer({ min: 0, max: 12 }),
    groups: fc.integer({ min: 1, max: 4 }),
    codes: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(255, 256, 257, 1000)),
    dim: fc.oneof(fc.integer({ min: 1, max: 17 }), fc.constantFrom(4, 8)),
    extra: fc.integer({ min: 0, max: 3 }),
    seed: fc.integer(),
  })
  .map(({ family, samples, groups, codes, dim, extra, seed }) =>
    makeProblem(family, samples, groups, codes, dim, groups + extra, seed),
  );

const search = ({ latents, codebooks, shape }: Problem, options: NearestOptions) =>
  nearestCodes(latents, codebooks, shape, options);

describe("the definition", () => {
  it("is the nearest code in float64, up to float32 rounding", async () => {
    const ordinary = problems.filter(({ latents, codebooks }) =>
      [...latents, ...codebooks].every((x) => Math.abs(x) < 1e15),
    );
    await fc.assert(
      fc.asyncProperty(ordinary, async (problem) => {
        const { shape, latents, codebooks } = problem;
        const { indices, distances } = await search(problem, { engine: "reference" });
        const { dim, codes, groups } = shape;
        for (let query = 0; query < indices.length; query++) {
          const group = (query % shape.tokens!) % groups;
          const exact = (code: number): number => {
            let sum = 0;
            for (let i = 0; i < dim; i++)
              sum += (latents[query * dim + i]! - codebooks[(group * codes + code) * dim + i]!) ** 2;
            return sum;
          };
          let minimum = Infinity;
          for (let code = 0; code < codes; code++) minimum = Math.min(minimum, exact(code));
          const slack = (dim + 3) * 2 ** -24 * minimum + dim * 1.5e-45;
          expect(exact(indices[query]!)).toBeLessThanOrEqual(minimum + 2 * slack);
          expect(Math.abs(distances[query]! - exact(indices[query]!))).toBeLessThanOrEqual(slack * 2);
        }
      }),
      { numRuns: 150 * runs },
    );
  });
});

describe.each([
  { method: "tree" },
  { method: "clusters" },
  { method: "brute" },
  { method: "int16" },
  { method: "auto" },
] as const)("wasm, $method", ({ method }) => {
  it("gives the reference's bits", async () => {
    await fc.assert(
      fc.asyncProperty(problems, async (problem) => {
        const expected = await search(problem, { engine: "reference" });
        expect(await search(problem, { engine: "wasm", method })).toEqual(expected);
        const { latents, codebooks, shape } = problem;
        expect(nearestCodesSync(latents, codebooks, shape, { engine: "wasm", method })).toEqual(expected);
      }),
      { numRuns: 300 * runs },
    );
  });

  it("gives them from any guess, and with a memory of other codebooks", async () => {
    await fc.assert(
      fc.asyncProperty(problems, fc.integer(), async (problem, seed) => {
        const expected = await search(problem, { engine: "reference" });
        const random = createRandom(seed);
        const guess = expected.indices.map(() => random.integer(problem.shape.codes));
        const memory = createSearchMemory(problem.shape.groups, problem.shape.codes);
        const moved = { ...problem, codebooks: problem.codebooks.map(() => random.normal()) };
        await search(moved, { engine: "wasm", method, memory });
        for (const options of [{ guess }, { memory }, { memory, guess }]) {
          expect(await search(problem, { engine: "wasm", method, ...options })).toEqual(expected);
        }
      }),
      { numRuns: 150 * runs },
    );
  });
});

describe("trees of several limbs", () => {
  it.each(Object.keys(families))("give the reference's bits: %s", async (family) => {
    for (const [codes, dim] of [
      [4097, 4],
      [4750, 3],
      [9001, 8],
    ] as const) {
      const problem = makeProblem(family, 150, 1, codes, dim, 1, codes);
      const expected = await search(problem, { engine: "reference" });
      for (const threads of [1, 2, 3]) {
        expect(await search(problem, { engine: "wasm", method: "tree", threads })).toEqual(expected);
      }
    }
  });

  it.each(["gaussian", "small integers"])("give them when threads build one together: %s", async (family) => {
    for (const [codes, dim] of [
      [4097, 4],
      [5003, 8],
      [8200, 3],
    ] as const) {
      const problem = makeProblem(family, 6000, 1, codes, dim, 1, codes);
      const expected = await search(problem, { engine: "reference" });
      for (const threads of [2, 3, 5, 16]) {
        expect(await search(problem, { engine: "wasm", method: "tree", threads })).toEqual(expected);
      }
    }
  });

  it("give them with codes in sorted order, with a guess and with a memory", async () => {
    const problem = makeProblem("gaussian", 2000, 1, 20_000, 4, 1, 7);
    problem.codebooks.sort();
    const expected = await search(problem, { engine: "reference" });
    const memory = createSearchMemory(1, 20_000);
    const guess = expected.indices.map((code) => (code * 7 + 1) % 20_000);
    for (const options of [{}, { guess }, { memory }, { memory }]) {
      expect(await search(problem, { engine: "wasm", method: "tree", threads: 2, ...options })).toEqual(expected);
    }
  });
});

describe("int16 on wide rows", () => {
  it.each(Object.keys(families))("gives the reference's bits: %s", async (family) => {
    for (const [samples, codes, dim] of [
      [1, 1, 31],
      [3, 100, 32],
      [513, 40, 66],
      [8, 300, 128],
    ] as const) {
      const problem = makeProblem(family, samples, 1, codes, dim, 1, dim);
      const expected = await search(problem, { engine: "reference" });
      expect(await search(problem, { engine: "wasm", method: "int16" })).toEqual(expected);
      const guess = expected.indices.map((code) => (code * 7 + 1) % codes);
      expect(await search(problem, { engine: "wasm", method: "int16", guess })).toEqual(expected);
    }
  });

  it("gives the first of more equal codes than a query's list of candidates holds", async () => {
    const problem = makeProblem("gaussian", 5, 1, 200, 32, 1, 1);
    for (let code = 1; code < 200; code++) problem.codebooks.copyWithin(code * 32, 0, 32);
    const { indices } = await search(problem, { engine: "wasm", method: "int16" });
    expect([...indices]).toEqual([0, 0, 0, 0, 0]);
  });
});

describe("worker threads", () => {
  const large = [
    ["one group", makeProblem("gaussian", 3000, 1, 3000, 4, 1, 1)],
    ["many groups", makeProblem("gaussian", 300, 16, 1500, 5, 16, 2)],
    ["many duplicates", makeProblem("small integers", 300, 16, 1500, 3, 20, 3)],
    ["wide rows", makeProblem("gaussian", 701, 1, 1111, 34, 1, 4)],
  ] as const;
  it.each(large)("give the reference's bits: %s", async (_, problem) => {
    const expected = await search(problem, { engine: "reference" });
    const { latents, codebooks, shape } = problem;
    for (const threads of [1, 2, 3]) expect(await search(problem, { engine: "wasm", threads })).toEqual(expected);
    expect(nearestCodesSync(latents, codebooks, shape, { engine: "wasm", threads: 2 })).toEqual(expected);
    const shared = { ...problem, latents: sharedFloat32(latents.length), codebooks: sharedFloat32(codebooks.length) };
    shared.latents.set(latents);
    shared.codebooks.set(codebooks);
    expect(await search(shared, { engine: "wasm", threads: 2 })).toEqual(expected);
  });

  it("report progress and stop when aborted", async () => {
    const problem = makeProblem("gaussian", 15_000, 32, 4000, 16, 32, 1); // far more than goes between two reports
    const controller = new AbortController();
    const seen: number[] = [];
    const running = search(problem, {
      engine: "wasm",
      threads: 2,
      signal: controller.signal,
      onProgress(done, total) {
        seen.push(done / total);
        controller.abort(new Error("enough"));
      },
    });
    await expect(running).rejects.toThrow("enough");
    expect(seen[0]).toBeLessThan(1);
  });

  it("serve searches that overlap", async () => {
    const problem = large[0][1];
    const expected = await search(problem, { engine: "reference" });
    const found = await Promise.all([2, 2, 1, 1].map((threads) => search(problem, { engine: "wasm", threads })));
    for (const result of found) expect(result).toEqual(expected);
  });
});

it("refuses guesses that are no codes, and a memory of another shape", async () => {
  const problem = makeProblem("gaussian", 2, 1, 4, 2, 1, 1);
  const guess = Int32Array.of(0, 4);
  await expect(search(problem, { engine: "wasm", guess })).rejects.toMatchObject({ code: "nearest-guess" });
  await expect(search(problem, { engine: "wasm", memory: createSearchMemory(1, 5) })).rejects.toMatchObject({
    code: "search-memory",
  });
});
