/** The sums of one pass: what every cell was hit by. float64, always added in the order of the samples. */
import type { NearestResult } from "../nearest-codes.js";
import type { NearestLayout } from "../shape.js";

/** The cells of one group. */
export interface CellSums {
  /** `[codes]` */
  readonly counts: Float64Array;
  /** `[codes, dim]` */
  readonly sums: Float64Array;
  /** Squared distances, `[codes]`. */
  readonly distortions: Float64Array;
}

export function createCellSums({ codes, dim }: NearestLayout): CellSums {
  return {
    counts: new Float64Array(codes),
    sums: new Float64Array(codes * dim),
    distortions: new Float64Array(codes),
  };
}

/** Adds the rows `[first, last)` of a grouped array, all of one group, given their codes. */
export function addToCells(
  cells: CellSums,
  dim: number,
  latents: Float32Array,
  { indices, distances }: NearestResult,
  first: number,
  last: number,
): void {
  const { counts, sums, distortions } = cells;
  for (let query = first; query < last; query++) {
    const cell = indices[query]!;
    counts[cell]! += 1;
    distortions[cell]! += distances[query]!;
    const from = query * dim;
    const to = cell * dim;
    for (let i = 0; i < dim; i++) sums[to + i]! += latents[from + i]!;
  }
}

/** Moves every code that was hit to its cell's mean; `distortions` becomes what it is around the mean. `codebook` is `[codes, dim]`. */
export function moveToMeans({ counts, sums, distortions }: CellSums, codebook: Float32Array, dim: number): void {
  for (let cell = 0; cell < counts.length; cell++) {
    const count = counts[cell]!;
    if (count === 0) continue;
    let moved = 0; // the distortion around the mean is smaller by count * |mean - code|^2
    for (let i = cell * dim; i < (cell + 1) * dim; i++) {
      const mean = sums[i]! / count;
      const step = mean - codebook[i]!;
      moved += step * step;
      codebook[i] = mean;
    }
    distortions[cell] = Math.max(0, distortions[cell]! - count * moved);
  }
}
