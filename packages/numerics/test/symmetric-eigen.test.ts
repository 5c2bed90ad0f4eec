import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createRandom } from "@revq/core";
import { symmetricEigen } from "@revq/numerics";

interface Case {
  kind: "matrix" | "gram";
  n: number;
  rank: number;
  values: number[];
}
const cases = JSON.parse(readFileSync(new URL("fixtures/symmetric-eigen.json", import.meta.url), "utf8")) as Case[];

/** The formulas of tools/golden/symmetric-eigen.py. */
function matrixOf({ kind, n, rank }: Case): Float64Array {
  const entry = (i: number, j: number) => (((i * 7919 + j * 104729 + i * j * 31) % 2003) - 1001) / 1001;
  const a = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      if (kind === "matrix") a[i * n + j] = entry(Math.min(i, j), Math.max(i, j));
      else for (let k = 0; k < rank; k++) a[i * n + j]! += (entry(i, k) * entry(j, k)) / rank;
    }
  }
  return a;
}

/** max |A v - lambda v| and max |V V^T - I|, relative to the largest eigenvalue. */
function residuals(a: Float64Array, n: number, { values, vectors }: { values: Float64Array; vectors: Float64Array }) {
  const largest = Math.max(...Array.from(values, Math.abs), Number.MIN_VALUE);
  let equation = 0;
  let orthonormal = 0;
  for (let r = 0; r < n; r++) {
    for (let i = 0; i < n; i++) {
      let product = 0;
      let inner = 0;
      for (let j = 0; j < n; j++) {
        product += a[i * n + j]! * vectors[r * n + j]!;
        inner += vectors[r * n + j]! * vectors[i * n + j]!;
      }
      equation = Math.max(equation, Math.abs(product - values[r]! * vectors[r * n + i]!) / largest);
      orthonormal = Math.max(orthonormal, Math.abs(inner - (r === i ? 1 : 0)));
    }
  }
  return { equation, orthonormal };
}

describe("symmetricEigen", () => {
  it.each(cases)("gives numpy's eigenvalues for $kind $n", (one) => {
    const a = matrixOf(one);
    const result = symmetricEigen(a, one.n);
    const largest = Math.max(...one.values.map(Math.abs));
    one.values.forEach((value, i) => expect(Math.abs(result.values[i]! - value)).toBeLessThan(1e-12 * largest));
    const { equation, orthonormal } = residuals(a, one.n, result);
    expect(equation).toBeLessThan(1e-12);
    expect(orthonormal).toBeLessThan(1e-12);
    const only = symmetricEigen(a, one.n, { vectors: false });
    expect(only.vectors).toHaveLength(0);
    only.values.forEach((value, i) => expect(Math.abs(value - one.values[i]!)).toBeLessThan(1e-12 * largest));
  });

  it("has the closed form of the path graph's Laplacian: 2 - 2 cos(k pi / n)", () => {
    const n = 150;
    const a = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      a[i * n + i] = i === 0 || i === n - 1 ? 1 : 2;
      if (i > 0) a[i * n + i - 1] = a[(i - 1) * n + i] = -1;
    }
    const { values } = symmetricEigen(a, n);
    values.forEach((value, i) => expect(value).toBeCloseTo(2 - 2 * Math.cos(((n - 1 - i) * Math.PI) / n), 12));
  });

  it("keeps repeated eigenvalues apart in orthonormal vectors: a + b everywhere off the diagonal", () => {
    const n = 30;
    const a = new Float64Array(n * n).fill(0.5);
    for (let i = 0; i < n; i++) a[i * n + i] = 2;
    const result = symmetricEigen(a, n);
    expect(result.values[0]).toBeCloseTo(1.5 + 0.5 * n, 12);
    for (let i = 1; i < n; i++) expect(result.values[i]).toBeCloseTo(1.5, 12);
    expect(residuals(a, n, result).orthonormal).toBeLessThan(1e-12);
  });

  it.each([1e-200, 1, 1e200])("does not overflow or vanish at scale %d", (scale) => {
    const { values, vectors } = symmetricEigen(Float64Array.of(2 * scale, scale, scale, 2 * scale), 2);
    expect(values[0]! / scale).toBeCloseTo(3, 12);
    expect(values[1]! / scale).toBeCloseTo(1, 12);
    expect(vectors[0]).toBeCloseTo(Math.SQRT1_2, 12);
    expect(vectors[0]).toBeGreaterThan(0);
  });

  it("converges with a large null space: the covariance of 30 random patches of 192 elements", () => {
    const n = 192;
    const rank = 30;
    const random = createRandom(3);
    const patches = Float64Array.from({ length: rank * n }, () => random.normal());
    const a = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++)
        for (let k = 0; k < rank; k++) a[i * n + j]! += patches[k * n + i]! * patches[k * n + j]!;
    }
    const found = symmetricEigen(a, n);
    expect(Math.abs(found.values[rank]!) / found.values[0]!).toBeLessThan(1e-13);
    expect(found.values[rank - 1]! / found.values[0]!).toBeGreaterThan(0.01);
    const { equation, orthonormal } = residuals(a, n, found);
    expect(equation).toBeLessThan(1e-13);
    expect(orthonormal).toBeLessThan(1e-12);
  });

  it("converges where rounding cancels down to numbers whose squares vanish: flat patches of few colours", () => {
    const n = 48;
    for (let rank = 1; rank <= 6; rank++) {
      for (let scales = 1; scales <= 4; scales++) {
        const a = new Float64Array(n * n);
        const weight = (r: number): number => 10 ** (-3 * r * scales);
        for (let r = 0; r < rank; r++)
          for (let i = r % 3; i < n; i += 3) for (let j = r % 3; j < n; j += 3) a[i * n + j]! += weight(r);
        const result = symmetricEigen(a, n);
        // Each of the three residue classes is a vector of sixteen ones.
        const classes = [0, 1, 2].map((first) => {
          let sum = 0;
          for (let r = first; r < rank; r += 3) sum += 16 * weight(r);
          return sum;
        });
        classes.sort((x, y) => y - x).forEach((value, i) => expect(result.values[i]).toBeCloseTo(value, 12));
        const { equation, orthonormal } = residuals(a, n, result);
        expect(Math.max(equation, orthonormal)).toBeLessThan(1e-12);
      }
    }
  });

  it("is deterministic, leaves its input alone, and takes zeros and float32", () => {
    const a = matrixOf({ kind: "matrix", n: 20, rank: 0, values: [] });
    const copy = a.slice();
    expect(symmetricEigen(a, 20)).toEqual(symmetricEigen(a, 20));
    expect(a).toEqual(copy);
    expect(symmetricEigen(new Float32Array(9), 3).values).toEqual(new Float64Array(3));
  });

  it("refuses what is not a finite symmetric matrix", () => {
    expect(() => symmetricEigen(new Float64Array(5), 2)).toThrow(/not 2 x 2/);
    expect(() => symmetricEigen(Float64Array.of(1, Number.NaN, 0, 1), 2)).toThrow(/NaN/);
    expect(() => symmetricEigen(Float64Array.of(1, 2, 3, 1), 2)).toThrow(/not symmetric/);
  });

  it.runIf(process.env["REVQ_TEST_FULL"])("solves n = 1024", () => {
    const one: Case = { kind: "matrix", n: 1024, rank: 0, values: [] };
    const a = matrixOf(one);
    const { equation, orthonormal } = residuals(a, 1024, symmetricEigen(a, 1024));
    expect(Math.max(equation, orthonormal)).toBeLessThan(1e-10);
  });
});
