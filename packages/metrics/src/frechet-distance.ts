/**
 * Fréchet distance of two Gaussians, the core of FID. Heusel et al., GANs trained by a two
 * time-scale update rule, arXiv 1706.08500; Dowson and Landau, The Fréchet distance between
 * multivariate normal distributions, 1982.
 */
import { RevqError } from "@revq/core";
import { symmetricEigen } from "@revq/numerics";
import { checkSameLength } from "./same-length.js";

export interface GaussianStatistics {
  /** `[d]` */
  readonly mean: Float64Array;
  /**
   * `[d, d]` row-major, symmetric and positive semidefinite: `CovarianceAccumulator.covariance`.
   */
  readonly covariance: Float64Array;
}

/**
 * |m1 - m2|^2 + tr(C1) + tr(C2) - 2 tr((C1 C2)^(1/2)), 0 or more. Throws `metric-shape`,
 * `eigen-not-finite`.
 *
 * @example
 * const a = { mean: Float64Array.of(0), covariance: Float64Array.of(1) };
 * const b = { mean: Float64Array.of(3), covariance: Float64Array.of(4) };
 * frechetDistance(a, b); // => 10
 */
export function frechetDistance(a: GaussianStatistics, b: GaussianStatistics): number {
  checkSameLength("A Fréchet distance", a.mean, b.mean);
  checkSameLength("A Fréchet distance", a.covariance, b.covariance);
  const d = a.mean.length;
  if (a.covariance.length !== d * d) {
    throw new RevqError(
      "metric-shape",
      `A mean of ${d} values needs a covariance of ${d * d}; got ${a.covariance.length}.`,
    );
  }
  let distance = 0;
  for (let i = 0; i < d; i++) {
    distance += (a.mean[i]! - b.mean[i]!) ** 2 + a.covariance[i * d + i]! + b.covariance[i * d + i]!;
  }
  return Math.max(0, distance - 2 * traceOfSquareRoot(a.covariance, b.covariance, d));
}

/**
 * tr((A B)^(1/2)). With A = L L^T, A B has the eigenvalues of the symmetric L^T B L, so only
 * symmetric matrices get a square root. L has as many columns as A has rank: singular covariances,
 * from fewer samples than dimensions, cost less and do not fail.
 */
function traceOfSquareRoot(a: Float64Array, b: Float64Array, d: number): number {
  const factor = choleskyColumns(a, d);
  const rank = factor.length;
  if (rank === 0) return 0;
  const product = new Float64Array(rank * rank);
  for (let i = 0; i < rank; i++) {
    const image = multiply(b, factor[i]!, d);
    for (let j = 0; j <= i; j++) product[i * rank + j] = product[j * rank + i] = dot(image, factor[j]!);
  }
  return symmetricEigen(product, rank, { vectors: false }).values.reduce(
    (sum, value) => sum + Math.sqrt(Math.max(0, value)),
    0,
  );
}

/**
 * Columns of L with L L^T = A, largest pivot first, until only rounding errors remain. Higham:
 * Analysis of the Cholesky decomposition, 1990.
 */
function choleskyColumns(matrix: Float64Array, d: number): Float64Array[] {
  const left = Float64Array.from({ length: d }, (_, i) => matrix[i * d + i]!);
  const tolerance = d * 2 ** -52 * Math.max(0, ...left);
  const columns: Float64Array[] = [];
  while (columns.length < d) {
    let pivot = 0;
    for (let i = 1; i < d; i++) if (left[i]! > left[pivot]!) pivot = i;
    if (!(left[pivot]! > tolerance)) break;
    const column = matrix.slice(pivot * d, (pivot + 1) * d);
    for (const earlier of columns) {
      const weight = earlier[pivot]!;
      if (weight !== 0) for (let i = 0; i < d; i++) column[i]! -= weight * earlier[i]!;
    }
    const root = Math.sqrt(left[pivot]!);
    for (let i = 0; i < d; i++) {
      column[i] = left[i] === -1 ? 0 : column[i]! / root;
      if (left[i] !== -1) left[i] = Math.max(0, left[i]! - column[i]! ** 2);
    }
    left[pivot] = -1; // used
    columns.push(column);
  }
  return columns;
}

function multiply(matrix: Float64Array, vector: Float64Array, d: number): Float64Array {
  const result = new Float64Array(d);
  for (let row = 0; row < d; row++) {
    let sum = 0;
    for (let i = 0, at = row * d; i < d; i++, at++) sum += matrix[at]! * vector[i]!;
    result[row] = sum;
  }
  return result;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
