/**
 * Gives the codes of empty clusters something to do. For each, the cluster with the largest total
 * distortion is split: its code and the unused one move half a step to either side. The step is
 * normal noise in proportion to the cluster's size.
 */
import type { Random } from "@revq/core";

/** The clusters of one group, overwritten. */
export interface Clusters {
  /** `[codes, dim]` */
  readonly codebook: Float32Array;
  readonly dim: number;
  /** Hits of every code, `[codes]`. */
  readonly counts: Float64Array;
  /** Sum of squared distances in every cluster, `[codes]`. */
  readonly distortions: Float64Array;
}

/**
 * Splits one cluster for each empty one. Returns how many were empty. `counts` and `distortions`
 * become estimates.
 */
export function reviveEmptyClusters(clusters: Clusters, random: Random): number {
  const { codebook, dim, counts, distortions } = clusters;
  const empty: number[] = [];
  for (let code = 0; code < counts.length; code++) if (counts[code] === 0) empty.push(code);
  if (empty.length === 0 || empty.length === counts.length) return 0;

  const heap = new ClusterHeap(counts, distortions);
  for (let code = 0; code < counts.length; code++) if (counts[code]! > 0) heap.push(code);
  for (const code of empty) {
    const split = heap.pop();
    const count = counts[split]!;
    const size = Math.sqrt(distortions[split]! / (Math.max(1, count) * dim));
    const deviation = size < Infinity ? size : 0; // codes must stay finite
    for (let i = 0; i < dim; i++) {
      const centre = codebook[split * dim + i]!;
      const shift = 0.5 * deviation * random.normal();
      codebook[code * dim + i] = clamp(centre + shift);
      codebook[split * dim + i] = clamp(centre - shift);
    }
    // Halving a cluster of dimension d leaves 2^(-2/d) of its distortion (Zador's rate at high
    // resolution).
    const left = (distortions[split]! * 2 ** (-2 / dim)) / 2;
    for (const half of [split, code]) {
      counts[half] = count / 2;
      distortions[half] = left;
      heap.push(half);
    }
  }
  return empty.length;
}

const maxFloat = 2 ** 127 * (2 - 2 ** -23); // of float32

const clamp = (value: number): number => Math.max(-maxFloat, Math.min(maxFloat, value));

/** A heap of clusters by distortion, largest first; then by count, largest first; then by index. */
class ClusterHeap {
  private readonly clusters: number[] = [];

  constructor(
    private readonly counts: Float64Array,
    private readonly distortions: Float64Array,
  ) {}

  private before(a: number, b: number): boolean {
    const difference = this.distortions[a]! - this.distortions[b]!;
    if (difference !== 0) return difference > 0;
    return this.counts[a] === this.counts[b] ? a < b : this.counts[a]! > this.counts[b]!;
  }

  push(cluster: number): void {
    const { clusters } = this;
    let slot = clusters.length;
    clusters.push(cluster);
    while (slot > 0) {
      const parent = (slot - 1) >> 1;
      if (!this.before(cluster, clusters[parent]!)) break;
      clusters[slot] = clusters[parent]!;
      slot = parent;
    }
    clusters[slot] = cluster;
  }

  /** Removes the first cluster. The heap must not be empty. */
  pop(): number {
    const { clusters } = this;
    const top = clusters[0]!;
    const last = clusters.pop()!;
    if (clusters.length === 0) return top;
    let slot = 0;
    for (;;) {
      let child = 2 * slot + 1;
      if (child >= clusters.length) break;
      if (child + 1 < clusters.length && this.before(clusters[child + 1]!, clusters[child]!)) child++;
      if (!this.before(clusters[child]!, last)) break;
      clusters[slot] = clusters[child]!;
      slot = child;
    }
    clusters[slot] = last;
    return top;
  }
}
