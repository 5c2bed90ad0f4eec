import { createRandom } from "@revq/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { adamwStep, adamwStepRows, sumByCode } from "@revq/nearest";

const shapes = fc.record({
  samples: fc.integer({ min: 0, max: 6 }),
  groups: fc.integer({ min: 1, max: 4 }),
  codes: fc.integer({ min: 1, max: 9 }),
  dim: fc.integer({ min: 1, max: 5 }),
  extra: fc.integer({ min: 0, max: 5 }),
  seed: fc.integer(),
});

it("is the sum over the tokens of each code, and a step with it is the dense step", () => {
  fc.assert(
    fc.property(shapes, ({ samples, groups, codes, dim, extra, seed }) => {
      const tokens = groups + extra;
      const random = createRandom(seed);
      const draw = (length: number) => Float32Array.from({ length }, () => random.integer(9) - 4);
      const gradients = draw(samples * tokens * dim);
      const indices = Int32Array.from({ length: samples * tokens }, () => random.integer(codes));
      const dense = new Float32Array(groups * codes * dim);
      for (let i = 0; i < gradients.length; i++) {
        const token = Math.floor(i / dim);
        dense[(((token % tokens) % groups) * codes + indices[token]!) * dim + (i % dim)]! += gradients[i]!;
      }
      const { rows, sums, norm } = sumByCode(gradients, indices, { samples, groups, codes, dim, tokens });
      expect(norm).toBeCloseTo(Math.hypot(...dense), 6);
      expect(rows).toEqual(rows.slice().sort());
      expect(new Set(rows).size).toBe(rows.length);
      const one = draw(dense.length);
      const other = one.slice();
      const moments = () => [new Float32Array(dense.length), new Float32Array(dense.length)] as const;
      adamwStep(one, dense, ...moments(), { lr: 0.1, step: 1 });
      adamwStepRows(other, rows, sums, dim, ...moments(), { lr: 0.1, step: 1 });
      expect(other).toEqual(one);
    }),
  );
});
