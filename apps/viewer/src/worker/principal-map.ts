/**
 * The first two principal components of a codebook. A code often decides hundreds of latent elements by a few numbers, such
 * as a block's by a few coefficients of its transform. So the codes are first written in as few directions as hold them.
 */
import { symmetricEigen } from "@revq/numerics";
import type { Codebook } from "../protocol/messages.js";

/** Directions at most: the cost is theirs times the codebook's size. */
const maxDirections = 512;
/** Multiplications at most; then the directions found so far stand for all. */
const budget = 2 ** 28;
/** Of the variance, which rounding may leave over. */
const rounding = 1e-10;

/** vectors `[n, d]` -> the first two principal components of each, `[n, 2]`, and the share of variance of both. */
export function principalMap(vectors: Float32Array, n: number, d: number): Pick<Codebook, "map" | "explained"> {
  const map = new Float32Array(n * 2);
  if (n === 0 || d === 0) return { map, explained: [0, 0] };
  const { columns, total } = coordinates(centred(vectors, n, d), n, d);
  const m = columns.length;
  if (m === 0) return { map, explained: [0, 0] };
  const covariance = new Float64Array(m * m);
  for (let a = 0; a < m; a++) {
    for (let b = 0; b <= a; b++) {
      covariance[a * m + b] = covariance[b * m + a] = dot(columns[a]!, columns[b]!) / n;
    }
  }
  const eigen = symmetricEigen(covariance, m);
  for (let axis = 0; axis < Math.min(2, m); axis++) {
    for (let a = 0; a < m; a++) {
      const weight = eigen.vectors[axis * m + a]!;
      for (let i = 0; i < n; i++) map[2 * i + axis]! += weight * columns[a]![i]!;
    }
  }
  const share = (axis: number): number => Math.max(0, (eigen.values[axis] ?? 0) * n) / total;
  return { map, explained: [share(0), share(1)] };
}

function centred(vectors: Float32Array, n: number, d: number): Float64Array {
  const mean = new Float64Array(d);
  for (let i = 0; i < n; i++) for (let k = 0; k < d; k++) mean[k]! += vectors[i * d + k]! / n;
  const rows = new Float64Array(n * d);
  for (let i = 0; i < n; i++) for (let k = 0; k < d; k++) rows[i * d + k] = vectors[i * d + k]! - mean[k]!;
  return rows;
}

/**
 * Gram and Schmidt: what is left of the longest row is the next direction, and is taken out of all rows. The rows' coordinates
 * along each direction, `[n]`, and the sum of all squares.
 * @param rows `[n, d]`, overwritten
 */
function coordinates(
  rows: Float64Array,
  n: number,
  d: number,
): { readonly columns: Float64Array[]; readonly total: number } {
  const row = (i: number): Float64Array => rows.subarray(i * d, (i + 1) * d);
  const squares = Float64Array.from({ length: n }, (_, i) => dot(row(i), row(i)));
  const sum = (): number => squares.reduce((all, square) => all + square, 0);
  const total = sum();
  const columns: Float64Array[] = [];
  const most = Math.min(maxDirections, n, d, Math.ceil(budget / (2 * n * d)));
  while (columns.length < most && sum() > rounding * total) {
    const longest = squares.reduce((best, square, i) => (square > squares[best]! ? i : best), 0);
    const length = Math.sqrt(squares[longest]!);
    const direction = row(longest).map((value) => value / length);
    const column = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      const own = row(i);
      const along = dot(own, direction);
      for (let k = 0; k < d; k++) own[k]! -= along * direction[k]!;
      column[i] = along;
      squares[i] = dot(own, own);
    }
    columns.push(column);
  }
  return { columns, total };
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
