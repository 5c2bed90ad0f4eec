/** Linear least squares from its normal equations, with a small ridge: Cholesky in float64. */

/**
 * Solves (G + r I) X = C.
 * @param gram `[n, n]` row-major, symmetric and positive semi-definite
 * @param cross `[n, m]`
 * @returns `[n, m]`
 */
export function leastSquares(
  gram: ArrayLike<number>,
  cross: ArrayLike<number>,
  n: number,
  m: number,
  relativeRidge = 1e-2,
): Float64Array {
  let trace = 0;
  for (let i = 0; i < n; i++) trace += gram[i * n + i]!;
  const ridge = (relativeRidge * trace) / n;
  const lower = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = gram[i * n + j]! + (i === j ? ridge : 0);
      for (let k = 0; k < j; k++) sum -= lower[i * n + k]! * lower[j * n + k]!;
      lower[i * n + j] = i === j ? Math.sqrt(Math.max(sum, 1e-30)) : sum / lower[j * n + j]!;
    }
  }
  const x = Float64Array.from(cross);
  for (let column = 0; column < m; column++) {
    for (let i = 0; i < n; i++) {
      let sum = x[i * m + column]!;
      for (let k = 0; k < i; k++) sum -= lower[i * n + k]! * x[k * m + column]!;
      x[i * m + column] = sum / lower[i * n + i]!;
    }
    for (let i = n - 1; i >= 0; i--) {
      let sum = x[i * m + column]!;
      for (let k = i + 1; k < n; k++) sum -= lower[k * n + i]! * x[k * m + column]!;
      x[i * m + column] = sum / lower[i * n + i]!;
    }
  }
  return x;
}
