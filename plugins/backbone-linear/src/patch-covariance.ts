/**
 * Mean and covariance of image patches in one pass, in float64. Pixels are in [-1, 1], so plain
 * sums of squares are accurate. No tensors, so that every engine fits the same backbone, bit for
 * bit.
 */

export interface PatchStatistics {
  /** `[d]`, d = patch * patch * 3 in the order (y, x, channel). */
  readonly mean: Float64Array;
  /** `[d, d]` row-major, divided by the number of patches. */
  readonly covariance: Float64Array;
  readonly patches: number;
}

export interface PatchAccumulator {
  /** Adds one patch of `image` `[size, size, 3]`, its top left pixel at (`top`, `left`). */
  add(image: Float32Array, size: number, top: number, left: number): void;
  finish(): PatchStatistics;
}

/**
 * Patches that are multiplied at once. A block of all dimensions fits into the processor's caches.
 */
const blockSize = 64;

export function accumulatePatches(patch: number): PatchAccumulator {
  const rowLength = patch * 3;
  const dimension = patch * rowLength;
  const sums = new Float64Array(dimension);
  const products = new Float64Array(dimension * dimension);
  /** `[d, blockSize]`: one row per dimension, so that the values of a dimension are contiguous. */
  const block = new Float64Array(dimension * blockSize);
  let inBlock = 0;
  let patches = 0;

  function flush(): void {
    if (inBlock < blockSize) {
      for (let i = 0; i < dimension; i++) block.fill(0, i * blockSize + inBlock, (i + 1) * blockSize);
    }
    addLowerTriangle(block, products, dimension);
    inBlock = 0;
  }

  return {
    add(image, size, top, left) {
      for (let y = 0, i = 0; y < patch; y++) {
        const from = ((top + y) * size + left) * 3;
        for (let x = 0; x < rowLength; x++, i++) {
          const value = image[from + x]!;
          block[i * blockSize + inBlock] = value;
          sums[i]! += value;
        }
      }
      patches++;
      if (++inBlock === blockSize) flush();
    },
    finish() {
      if (inBlock > 0) flush();
      const mean = sums.map((sum) => sum / patches);
      const covariance = new Float64Array(dimension * dimension);
      for (let i = 0; i < dimension; i++) {
        for (let j = 0; j <= i; j++) {
          const value = products[i * dimension + j]! / patches - mean[i]! * mean[j]!;
          covariance[i * dimension + j] = value;
          covariance[j * dimension + i] = value;
        }
      }
      return { mean, covariance, patches };
    },
  };
}

/**
 * products[i, j] += sum over the block of x_i x_j, for j <= i. Two dimensions by two at a time,
 * which halves the reads.
 */
function addLowerTriangle(block: Float64Array, products: Float64Array, dimension: number): void {
  for (let i = 0; i < dimension; i += 2) {
    const pairI = i + 1 < dimension;
    for (let j = 0; j <= i; j += 2) {
      const i0 = i * blockSize;
      const i1 = pairI ? i0 + blockSize : i0;
      const j0 = j * blockSize;
      const j1 = j + 1 < dimension ? j0 + blockSize : j0;
      let s00 = 0;
      let s01 = 0;
      let s10 = 0;
      let s11 = 0;
      for (let k = 0; k < blockSize; k++) {
        const a0 = block[i0 + k]!;
        const a1 = block[i1 + k]!;
        const b0 = block[j0 + k]!;
        const b1 = block[j1 + k]!;
        s00 += a0 * b0;
        s01 += a0 * b1;
        s10 += a1 * b0;
        s11 += a1 * b1;
      }
      products[i * dimension + j]! += s00;
      if (j + 1 <= i) products[i * dimension + j + 1]! += s01;
      if (pairI) {
        products[(i + 1) * dimension + j]! += s10;
        if (j + 1 < dimension) products[(i + 1) * dimension + j + 1]! += s11;
      }
    }
  }
}
