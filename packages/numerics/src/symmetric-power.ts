/** Real powers of symmetric positive semidefinite matrices, such as square root and inverse. */
import { symmetricEigen } from "./symmetric-eigen.js";

/**
 * `matrix` to the power of `exponent`, `[n, n]` row-major and exactly symmetric. Throws what
 * `symmetricEigen` throws.
 *
 * @param floor eigenvalues below this fraction of the largest one are raised to it, so that the
 *   result has an inverse. All are raised to 1 where the largest is not positive.
 *
 * @example
 * const root = symmetricPower(Float64Array.of(4, 0, 0, 9), 2, 0.5);
 * Array.from(root); // => [2, 0, 0, 3]
 */
export function symmetricPower(
  matrix: Float64Array | Float32Array,
  n: number,
  exponent: number,
  { floor = 0 }: { readonly floor?: number } = {},
): Float64Array {
  const { values, vectors } = symmetricEigen(matrix, n);
  const largest = values[0]!;
  const powers = values.map((value) => (largest > 0 ? Math.max(value, floor * largest) ** exponent : 1));
  const power = new Float64Array(n * n);
  for (let row = 0; row < n; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += powers[k]! * vectors[k * n + row]! * vectors[k * n + column]!;
      power[row * n + column] = power[column * n + row] = sum;
    }
  }
  return power;
}
