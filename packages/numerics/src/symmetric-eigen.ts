/**
 * Eigenvalues and eigenvectors of a real symmetric matrix in float64: Householder
 * tridiagonalisation, then implicit QL (EISPACK's `tred2` and `imtql2`; Golub and Van Loan, Matrix
 * Computations, 8.3). All inner loops run over rows. For covariances of up to about 2048
 * dimensions: O(n^3), plain TypeScript, deterministic. Not for large sparse matrices.
 */
import { RevqError } from "@revq/core";

export interface SymmetricEigen {
  /** `[n]`, largest first. */
  readonly values: Float64Array;
  /**
   * `[n, n]` row-major: row i is the unit eigenvector of `values[i]`; its entry of largest
   * magnitude is positive. Empty with `vectors: false`.
   */
  readonly vectors: Float64Array;
}

/** QL sweeps per eigenvalue at most; two are usual. */
const maxSweeps = 60;
/** Rounding of float64, relative. */
const epsilon = 2 ** -52;
/** Below it, squares of entries of a matrix of scale 1 are left-over rounding; the reciprocal of such a square may overflow. */
const negligibleSquare = epsilon ** 4;

/**
 * Eigenvalues and eigenvectors of `matrix`: `[n, n]` row-major and symmetric, not changed. With
 * `vectors: false` it computes only the values, several times faster. Errors relative to the
 * largest eigenvalue are about 1e-16 n. Throws `eigen-shape`, `eigen-not-finite`,
 * `eigen-not-symmetric`.
 *
 * @example
 * const { values } = symmetricEigen(Float64Array.of(2, 1, 1, 2), 2);
 * Array.from(values, (value) => value.toFixed(6)); // => ["3.000000", "1.000000"]
 */
export function symmetricEigen(
  matrix: Float64Array | Float32Array,
  n: number,
  options: { readonly vectors?: boolean } = {},
): SymmetricEigen {
  const wantVectors = options.vectors ?? true;
  const scale = checkedScale(matrix, n);
  const work = Float64Array.from(matrix);
  // Scaled, so that squares neither overflow nor vanish.
  if (scale > 0) for (let i = 0; i < work.length; i++) work[i]! /= scale;
  const { diagonal, offDiagonal, factors } = tridiagonalise(work, n);
  const vectors = wantVectors ? accumulate(work, factors, n) : new Float64Array(0);
  implicitQl(diagonal, offDiagonal, vectors, n, wantVectors);
  for (let i = 0; i < n; i++) diagonal[i]! *= scale;
  return sortedDescending(diagonal, vectors, n, wantVectors);
}

/** Checks the matrix and returns its largest magnitude. */
function checkedScale(matrix: Float64Array | Float32Array, n: number): number {
  if (!Number.isSafeInteger(n) || n < 1 || matrix.length !== n * n) {
    throw new RevqError("eigen-shape", `A matrix of ${matrix.length} elements is not ${n} x ${n}.`);
  }
  let scale = 0;
  for (const value of matrix) {
    if (!Number.isFinite(value)) {
      throw new RevqError("eigen-not-finite", "The matrix holds NaN or infinity.", {
        fix: "Look for broken images or latents.",
      });
    }
    scale = Math.max(scale, Math.abs(value));
  }
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < row; column++) {
      const difference = Math.abs(matrix[row * n + column]! - matrix[column * n + row]!);
      if (difference > 1e-6 * scale) {
        throw new RevqError(
          "eigen-not-symmetric",
          `The matrix is not symmetric: entries (${row}, ${column}) and (${column}, ${row}) differ.`,
        );
      }
    }
  }
  return scale;
}

/**
 * Q^T A Q = T. Works on the lower triangle; row k of the upper one, right of the diagonal, keeps
 * the Householder vector v_k with H_k = I - factors[k] v_k v_k^T and Q = H_0 H_1 ….
 */
function tridiagonalise(a: Float64Array, n: number) {
  const diagonal = new Float64Array(n);
  const offDiagonal = new Float64Array(n); // [k] is the entry (k, k + 1)
  const factors = new Float64Array(n);
  const product = new Float64Array(n);
  for (let k = 0; k < n - 1; k++) {
    const v = k * n; // v_k lies at v + k + 1 … v + n - 1
    diagonal[k] = a[v + k]!;
    let tail = 0;
    for (let i = k + 1; i < n; i++) {
      const value = a[i * n + k]!;
      a[v + i] = value;
      if (i > k + 1) tail += value * value;
    }
    const first = a[v + k + 1]!;
    if (tail <= negligibleSquare) {
      offDiagonal[k] = first;
      continue;
    }
    const norm = Math.sqrt(first * first + tail);
    const alpha = first > 0 ? -norm : norm; // avoids cancellation
    offDiagonal[k] = alpha;
    a[v + k + 1] = first - alpha;
    const factor = 1 / (norm * (norm + Math.abs(first)));
    factors[k] = factor;

    // product = factor * A v, from the lower triangle alone
    product.fill(0, k + 1);
    for (let i = k + 1; i < n; i++) {
      const row = i * n;
      const vi = a[v + i]!;
      let sum = 0;
      for (let j = k + 1; j < i; j++) {
        const entry = a[row + j]!;
        sum += entry * a[v + j]!;
        product[j]! += entry * vi;
      }
      product[i]! += sum + a[row + i]! * vi;
    }
    let inner = 0;
    for (let i = k + 1; i < n; i++) {
      product[i]! *= factor;
      inner += product[i]! * a[v + i]!;
    }
    const half = 0.5 * factor * inner;
    for (let i = k + 1; i < n; i++) product[i]! -= half * a[v + i]!;
    // A -= v w^T + w v^T
    for (let i = k + 1; i < n; i++) {
      const row = i * n;
      const vi = a[v + i]!;
      const wi = product[i]!;
      for (let j = k + 1; j <= i; j++) a[row + j]! -= vi * product[j]! + wi * a[v + j]!;
    }
  }
  diagonal[n - 1] = a[n * n - 1]!;
  return { diagonal, offDiagonal, factors };
}

/** Q^T from the Householder vectors of `tridiagonalise`, last reflection first: the block grows. */
function accumulate(a: Float64Array, factors: Float64Array, n: number): Float64Array {
  const q = new Float64Array(n * n);
  for (let i = 0; i < n; i++) q[i * n + i] = 1;
  for (let k = n - 3; k >= 0; k--) {
    const factor = factors[k]!;
    if (factor === 0) continue;
    const v = k * n;
    for (let i = k + 1; i < n; i++) {
      const row = i * n;
      let sum = 0;
      for (let j = k + 1; j < n; j++) sum += q[row + j]! * a[v + j]!;
      sum *= factor;
      for (let j = k + 1; j < n; j++) q[row + j]! -= sum * a[v + j]!;
    }
  }
  return q;
}

/** Diagonalises T in place; every rotation is applied to two rows of `vectors`. */
function implicitQl(d: Float64Array, e: Float64Array, vectors: Float64Array, n: number, wantVectors: boolean): void {
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, Math.abs(d[i]!) + Math.abs(e[i]!));
  // Tridiagonalising leaves errors of this size. In the null space of a singular matrix, entries
  // would never converge below it.
  const tolerance = epsilon * largest;
  for (let low = 0; low < n; low++) {
    for (let sweep = 0; ; sweep++) {
      let high = low;
      while (high < n - 1) {
        if (Math.abs(e[high]!) <= Math.max(epsilon * (Math.abs(d[high]!) + Math.abs(d[high + 1]!)), tolerance)) break;
        high++;
      }
      if (high === low) break;
      if (sweep === maxSweeps)
        throw new RevqError("eigen-no-convergence", `Eigenvalue ${low} of ${n} did not converge.`);

      // Wilkinson's shift
      let g = (d[low + 1]! - d[low]!) / (2 * e[low]!);
      let r = Math.hypot(g, 1);
      g = d[high]! - d[low]! + e[low]! / (g + (g >= 0 ? r : -r));
      let sine = 1;
      let cosine = 1;
      let p = 0;
      let i = high - 1;
      for (; i >= low; i--) {
        const f = sine * e[i]!;
        const b = cosine * e[i]!;
        r = Math.sqrt(f * f + g * g);
        e[i + 1] = r;
        if (r === 0) {
          d[i + 1]! -= p;
          e[high] = 0;
          break;
        }
        sine = f / r;
        cosine = g / r;
        g = d[i + 1]! - p;
        r = (d[i]! - g) * sine + 2 * cosine * b;
        p = sine * r;
        d[i + 1] = g + p;
        g = cosine * r - b;
        if (wantVectors) rotateRows(vectors, i * n, (i + 1) * n, n, cosine, sine);
      }
      if (i >= low) continue; // the matrix split on the way
      d[low]! -= p;
      e[low] = g;
      e[high] = 0;
    }
  }
}

function rotateRows(a: Float64Array, first: number, second: number, n: number, cosine: number, sine: number): void {
  for (let k = 0; k < n; k++) {
    const x = a[first + k]!;
    const y = a[second + k]!;
    a[second + k] = sine * x + cosine * y;
    a[first + k] = cosine * x - sine * y;
  }
}

function sortedDescending(d: Float64Array, vectors: Float64Array, n: number, wantVectors: boolean): SymmetricEigen {
  const order = Array.from(d.keys()).sort((a, b) => d[b]! - d[a]! || a - b);
  const values = Float64Array.from(order, (index) => d[index]!);
  if (!wantVectors) return { values, vectors };
  const sorted = new Float64Array(n * n);
  order.forEach((from, to) => {
    const row = vectors.subarray(from * n, (from + 1) * n);
    let peak = 0;
    for (const value of row) if (Math.abs(value) > Math.abs(peak)) peak = value;
    const sign = peak < 0 ? -1 : 1;
    for (let k = 0; k < n; k++) sorted[to * n + k] = sign * row[k]!;
  });
  return { values, vectors: sorted };
}
