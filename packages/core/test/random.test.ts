/** Against an independent sfc32 (Python), and against the distributions' moments. */
import { createRandom } from "@revq/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const words = (seed: number, count: number): number[] => {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => random.uniform() * 2 ** 32);
};

it.each([
  { seed: 0, expected: [1042467279, 43268146, 720511638, 3216311226, 1904464030] },
  { seed: 1, expected: [1930539107, 2003999907, 2883482671, 4206869851, 2729495348] },
  { seed: 42, expected: [695857468, 3046671632, 1167015482, 2030221812, 38089902] },
  { seed: 4294967295, expected: [3948599743, 3125754026, 3912479616, 2444141026, 2034047432] },
])("is sfc32 seeded through splitmix32: seed $seed", ({ seed, expected }) => {
  expect(words(seed, 5)).toEqual(expected);
});

describe("distributions", () => {
  const count = 100_000;
  // Five standard errors: a correct generator fails one in two million times, and the seed is
  // fixed.
  it("uniform has mean 1/2 and variance 1/12, and equal bins", () => {
    const random = createRandom(3);
    const bins = new Float64Array(64);
    let [sum, squares, min, max] = [0, 0, 1, 0];
    for (let i = 0; i < count; i++) {
      const value = random.uniform();
      min = Math.min(min, value);
      max = Math.max(max, value);
      bins[Math.floor(value * 64)]!++;
      sum += value;
      squares += (value - 0.5) ** 2;
    }
    expect(min >= 0 && max < 1).toBe(true);
    expect(Math.abs(sum / count - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / count));
    expect(Math.abs(squares / count - 1 / 12)).toBeLessThan(5 * Math.sqrt(1 / 180 / count));
    const chiSquare = bins.reduce((total, hits) => total + (hits - count / 64) ** 2 / (count / 64), 0);
    expect(chiSquare).toBeLessThan(63 + 5 * Math.sqrt(2 * 63));
  });

  it("normal has the moments 0, 1, 0, 3 and no correlation between neighbours", () => {
    const random = createRandom(4);
    const values = Float64Array.from({ length: count }, () => random.normal());
    const moment = (power: number): number => values.reduce((sum, value) => sum + value ** power, 0) / count;
    expect(Math.abs(moment(1))).toBeLessThan(5 / Math.sqrt(count));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / count));
    expect(Math.abs(moment(3))).toBeLessThan(5 * Math.sqrt(15 / count));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / count));
    const lagged = values.reduce((sum, value, i) => sum + value * (values[i + 1] ?? 0), 0) / count;
    expect(Math.abs(lagged)).toBeLessThan(5 / Math.sqrt(count));
  });

  it("integer is uniform, for limits that do not divide 2^32 too", () => {
    const random = createRandom(5);
    const limit = 3 * 2 ** 30; // by modulo alone the lowest third would come up twice as often
    let low = 0;
    for (let i = 0; i < count; i++) low += random.integer(limit) < 2 ** 30 ? 1 : 0;
    expect(Math.abs(low / count - 1 / 3)).toBeLessThan(5 * Math.sqrt(2 / 9 / count));
    expect(random.integer(1)).toBe(0);
    expect(random.integer(2 ** 32)).toBeLessThan(2 ** 32);
  });
});

describe("sample", () => {
  it("draws distinct integers below the limit, whichever way it keeps them", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 0, max: 300 }),
        (seed, limit, wish) => {
          const count = Math.min(limit, wish);
          const drawn = createRandom(seed).sample(limit, count);
          expect(drawn).toBeInstanceOf(Int32Array);
          expect(drawn.length).toBe(count);
          expect(new Set(drawn).size).toBe(count);
          for (const value of drawn) expect(value >= 0 && value < limit).toBe(true);
          // A shuffle of everything starts with the same draw.
          expect([...createRandom(seed).permutation(limit).subarray(0, count)]).toEqual([...drawn]);
        },
      ),
    );
  });

  it("draws a few out of two thousand million without an array of them", () => {
    const drawn = createRandom(1).sample(2 ** 31 - 1, 1000);
    expect(new Set(drawn).size).toBe(1000);
    expect(drawn.every((value) => value >= 0)).toBe(true);
  });

  it("gives every order the same chance", () => {
    const random = createRandom(6);
    const orders = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = random.permutation(4).join();
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    expect(orders.size).toBe(24);
    for (const hits of orders.values()) expect(Math.abs(hits - 1000)).toBeLessThan(5 * Math.sqrt(1000));
  });
});

describe("fork", () => {
  it("depends on seed and label alone, not on what was drawn before", () => {
    const [fresh, used] = [createRandom(7), createRandom(7)];
    for (let i = 0; i < 9; i++) used.normal();
    expect(used.fork("a").uniform()).toBe(fresh.fork("a").uniform());
    expect(fresh.fork("a").uniform()).not.toBe(fresh.fork("b").uniform());
    expect(fresh.fork("a").uniform()).not.toBe(createRandom(8).fork("a").uniform());
    expect(fresh.fork("a").fork("b").uniform()).not.toBe(fresh.fork("b").fork("a").uniform());
  });

  it("gives generators that are not correlated, for labels that differ by a digit", () => {
    const first = Array.from({ length: 2000 }, (_, i) => createRandom(1).fork(`group ${i}`).uniform());
    const mean = first.reduce((sum, value) => sum + value, 0) / 2000;
    expect(Math.abs(mean - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / 2000));
    expect(new Set(first).size).toBe(2000);
  });
});

it("goes on from a state as if it had not been stopped, in the middle of a pair of normals too", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 0, max: 7 }), (seed, drawn) => {
      const random = createRandom(seed);
      for (let i = 0; i < drawn; i++) random.normal();
      const state = JSON.parse(JSON.stringify(random.state())) as ReturnType<typeof random.state>;
      const expected = [random.normal(), random.uniform(), random.normal(), random.integer(10)];
      const resumed = createRandom(99);
      resumed.restore(state);
      expect([resumed.normal(), resumed.uniform(), resumed.normal(), resumed.integer(10)]).toEqual(expected);
    }),
  );
});
