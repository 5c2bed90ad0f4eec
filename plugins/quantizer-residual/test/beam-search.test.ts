/** Beam search compared with trying every combination of codes. */
import { createRandom } from "@revq/core";
import { expect, it } from "vitest";
import { BeamSearch } from "../src/beam-search.js";

const [depth, codes, dim] = [3, 6, 4];
const random = createRandom(2);
const normals = (count: number, scale: number): number[] =>
  Array.from({ length: count }, () => scale * random.normal());
const codebooks = Float32Array.from([1, 0.5, 0.25].flatMap((scale) => normals(codes * dim, scale)));
const vectors = Float32Array.from(normals(100 * dim, 1));

function error(vector: number, chosen: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < dim; i++) {
    let rest = vectors[vector * dim + i]!;
    chosen.forEach((code, stage) => (rest -= codebooks[(stage * codes + code) * dim + i]!));
    sum += rest ** 2;
  }
  return sum;
}

function best(vector: number): number {
  let lowest = Infinity;
  for (let a = 0; a < codes; a++)
    for (let b = 0; b < codes; b++) for (let c = 0; c < codes; c++) lowest = Math.min(lowest, error(vector, [a, b, c]));
  return lowest;
}

function run(beam: number): { ids: Int32Array; errors: number[] } {
  const search = new BeamSearch(codebooks, depth, codes, dim, beam);
  const ids = new Int32Array(100 * depth);
  const errors = Array.from({ length: 100 }, (_, vector) => search.search(vectors, vector * dim, ids, vector * depth));
  return { ids, errors };
}

it("with a beam of all pairs it finds the best sum", () => {
  const { ids, errors } = run(codes * codes);
  errors.forEach((value, vector) => {
    expect(value).toBeCloseTo(best(vector), 10);
    expect(value).toBeCloseTo(error(vector, [...ids.subarray(vector * depth, (vector + 1) * depth)]), 10);
  });
});

it("a wider beam is better on the whole, and one of 1 is greedy", () => {
  const total = (beam: number): number => run(beam).errors.reduce((sum, value) => sum + value, 0);
  expect(total(4)).toBeLessThan(total(1));
  const { ids } = run(1);
  for (let vector = 0; vector < 100; vector++) {
    const chosen: number[] = [];
    for (let stage = 0; stage < depth; stage++) {
      const options = Array.from({ length: codes }, (_, code) => error(vector, [...chosen, code]));
      chosen.push(options.indexOf(Math.min(...options)));
    }
    expect([...ids.subarray(vector * depth, (vector + 1) * depth)]).toEqual(chosen);
  }
});
