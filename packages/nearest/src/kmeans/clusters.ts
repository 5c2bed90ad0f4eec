/**
 * The sums of one pass over a group's clusters. A cluster is the tokens of one code. Sums are
 * float64, added in the order of the samples.
 */
import type { NearestResult } from "../search-options.js";
import type { NearestLayout } from "../shape.js";

/** Sums of one group. */
export interface ClusterSums {
  /** `[codes]` */
  readonly counts: Float64Array;
  /** `[codes, dim]` */
  readonly sums: Float64Array;
  /** Squared distances, `[codes]`. */
  readonly distortions: Float64Array;
}

export function createClusterSums({ codes, dim }: NearestLayout): ClusterSums {
  return {
    counts: new Float64Array(codes),
    sums: new Float64Array(codes * dim),
    distortions: new Float64Array(codes),
  };
}

/**
 * Adds the rows `[first, last)` of a grouped array, all of one group, to the sums of their codes.
 */
export function addToClusters(
  clusters: ClusterSums,
  dim: number,
  latents: Float32Array,
  { indices, distances }: NearestResult,
  first: number,
  last: number,
): void {
  const { counts, sums, distortions } = clusters;
  for (let query = first; query < last; query++) {
    const cluster = indices[query]!;
    counts[cluster]! += 1;
    distortions[cluster]! += distances[query]!;
    const from = query * dim;
    const to = cluster * dim;
    for (let i = 0; i < dim; i++) sums[to + i]! += latents[from + i]!;
  }
}

/**
 * Moves every code with hits to its cluster's mean; `distortions` become those around the means.
 * `codebook` is `[codes, dim]`.
 */
export function moveToMeans({ counts, sums, distortions }: ClusterSums, codebook: Float32Array, dim: number): void {
  for (let cluster = 0; cluster < counts.length; cluster++) {
    const count = counts[cluster]!;
    if (count === 0) continue;
    let moved = 0; // the distortion around the mean is smaller by count * |mean - code|^2
    for (let i = cluster * dim; i < (cluster + 1) * dim; i++) {
      const mean = sums[i]! / count;
      const step = mean - codebook[i]!;
      moved += step * step;
      codebook[i] = mean;
    }
    distortions[cluster] = Math.max(0, distortions[cluster]! - count * moved);
  }
}
