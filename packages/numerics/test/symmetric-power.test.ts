import { createRandom } from "@revq/core";
import { symmetricPower } from "@revq/numerics";
import { describe, expect, it } from "vitest";

const n = 7;
const random = createRandom(5);
const factor = Float64Array.from({ length: n * n }, () => random.normal());
/** Positive definite: F F^T. */
const matrix = product(factor, transposed(factor));

function product(a: Float64Array, b: Float64Array): Float64Array {
  const result = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) for (let k = 0; k < n; k++) result[i * n + j]! += a[i * n + k]! * b[k * n + j]!;
  return result;
}

function transposed(a: Float64Array): Float64Array {
  return Float64Array.from({ length: n * n }, (_, i) => a[(i % n) * n + Math.floor(i / n)]!);
}

const largestDifference = (a: Float64Array, b: Float64Array): number =>
  a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0);

describe("symmetricPower", () => {
  it("gives a symmetric square root and an inverse", () => {
    const root = symmetricPower(matrix, n, 0.5);
    expect(transposed(root)).toEqual(root);
    expect(largestDifference(product(root, root), matrix)).toBeLessThan(1e-12 * Math.max(...matrix));
    const identity = Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
    expect(largestDifference(product(symmetricPower(matrix, n, -1), matrix), identity)).toBeLessThan(1e-9);
  });

  it("raises eigenvalues below the floor, so that a singular matrix has an inverse", () => {
    const singular = Float64Array.of(8, 0, 0, 0);
    expect([...symmetricPower(singular, 2, -0.5, { floor: 1 / 32 })]).toEqual([8 ** -0.5, 0, 0, 2]);
    expect([...symmetricPower(new Float64Array(4), 2, -1, { floor: 1e-4 })]).toEqual([1, 0, 0, 1]);
  });
});
