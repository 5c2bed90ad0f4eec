/** The orthonormal DCT-II (Ahmed, Natarajan and Rao, "Discrete cosine transform", 1974) as matrices. */

/** `[n, n]` row-major: row k is the cosine of frequency k. The transpose is its inverse. */
export function cosines(n: number): Float64Array {
  const matrix = new Float64Array(n * n);
  for (let k = 0; k < n; k++)
    for (let i = 0; i < n; i++)
      matrix[k * n + i] = Math.sqrt((k === 0 ? 1 : 2) / n) * Math.cos((Math.PI * (i + 0.5) * k) / n);
  return matrix;
}

/** Of a block of `rows` x `columns` positions: `[positions, positions]`, row (ky, kx), column (y, x). */
export function blockCosines(rows: number, columns: number): Float64Array {
  const [down, across] = [cosines(rows), cosines(columns)];
  const positions = rows * columns;
  const matrix = new Float64Array(positions * positions);
  for (let k = 0; k < positions; k++) {
    const [ky, kx] = [Math.floor(k / columns), k % columns];
    for (let i = 0; i < positions; i++) {
      const [y, x] = [Math.floor(i / columns), i % columns];
      matrix[k * positions + i] = down[ky * rows + y]! * across[kx * columns + x]!;
    }
  }
  return matrix;
}
