/** The sums of one pass: what every cell was hit by. float64, always added in the order of the samples. */
import type { NearestResult } from "../nearest-codes.js";
import type { NearestLayout } from "../shape.js";

/** Sums over a block of groups. */
export interface CellSums {
  readonly firstGroup: number;
  readonly groups: number;
  /** `[groups, codes]` */
  readonly counts: Float64Array;
  /** `[groups, codes, dim]` */
  readonly sums: Float64Array;
  /** Squared distances, `[groups, codes]`. */
  readonly distortions: Float64Array;
}

export function createCellSums(layout: NearestLayout, firstGroup: number, groups: number): CellSums {
  const cells = groups * layout.codes;
  return {
    firstGroup,
    groups,
    counts: new Float64Array(cells),
    sums: new Float64Array(cells * layout.dim),
    distortions: new Float64Array(cells),
  };
}

/** Groups whose sums take about 8 MiB together: they stay in the cache while a block is added up. */
export function groupsPerBlock(layout: NearestLayout): number {
  return Math.max(1, Math.floor(2 ** 20 / (layout.codes * (layout.dim + 2))));
}

/** Adds samples `[first, last)` of the block's groups. */
export function addToCells(
  cells: CellSums,
  layout: NearestLayout,
  latents: Float32Array,
  { indices, distances }: NearestResult,
  first: number,
  last: number,
): void {
  const { codes, dim, tokens, tokensOf } = layout;
  const { counts, sums, distortions } = cells;
  for (let sample = first; sample < last; sample++) {
    for (let block = 0; block < cells.groups; block++) {
      const list = tokensOf[cells.firstGroup + block]!;
      for (let t = 0; t < list.length; t++) {
        const query = sample * tokens + list[t]!;
        const cell = block * codes + indices[query]!;
        counts[cell]! += 1;
        distortions[cell]! += distances[query]!;
        const from = query * dim;
        const to = cell * dim;
        for (let i = 0; i < dim; i++) sums[to + i]! += latents[from + i]!;
      }
    }
  }
}
