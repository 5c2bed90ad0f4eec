/** Bins of equal probability of the standard normal distribution. */
import { normalCumulative, normalDensity, normalQuantile } from "@revq/numerics";

export interface NormalBins {
  /** Upper ends of all bins but the last, ascending, `[K - 1]`. */
  readonly edges: Float64Array;
  /** Means of the bins, `[K]`. */
  readonly centres: Float32Array;
}

export function normalBins(codes: number): NormalBins {
  const edges = Float64Array.from({ length: codes - 1 }, (_, i) => normalQuantile((i + 1) / codes));
  const centres = Float32Array.from({ length: codes }, (_, code) => {
    const [low, high] = [edges[code - 1] ?? -Infinity, edges[code] ?? Infinity];
    const mass = cumulative(high) - cumulative(low);
    return (normalDensity(low) - normalDensity(high)) / mass;
  });
  return { edges, centres };
}

/** The bin of a value: the number of edges that are not above it. */
export function binOf(value: number, edges: Float64Array): number {
  let [low, high] = [0, edges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The lowest float32 that is not below an edge: a float32 is below the edge exactly when it is
 * below that.
 */
export function roundedUp(edge: number): number {
  const near = Math.fround(edge);
  if (near >= edge) return near;
  const bits = new Int32Array(Float32Array.of(near).buffer);
  bits[0]! += near < 0 ? -1 : 1;
  return new Float32Array(bits.buffer)[0]!;
}

function cumulative(x: number): number {
  return x === Infinity ? 1 : x === -Infinity ? 0 : normalCumulative(x);
}
