/**
 * The reference in plain loops, without pruning. It defines the answer of all engines.
 *
 * The squared distance is float32 arithmetic in index order: s = 0, then s = fl(s + fl(fl(x_i -
 * c_i)^2)) for i = 0 .. d-1. Each operation is rounded once, to nearest even. A sum beyond float32
 * is Infinity, and all such codes tie. The nearest code has the smallest distance; of equal ones,
 * the lowest index.
 */
import type { NearestLayout } from "./shape.js";

/** The squared distance as defined above. Offsets count elements, not rows. */
export function squaredDistance(
  a: Float32Array,
  aOffset: number,
  b: Float32Array,
  bOffset: number,
  dim: number,
): number {
  let sum = 0;
  for (let i = 0; i < dim; i++) {
    const difference = Math.fround(a[aOffset + i]! - b[bOffset + i]!);
    sum = Math.fround(sum + Math.fround(difference * difference));
  }
  return sum;
}

/**
 * Searches samples `[first, last)`; writes `indices` and `distances`, both `[samples, tokens]`. No
 * checks.
 */
export function searchReference(
  layout: NearestLayout,
  latents: Float32Array,
  codebooks: Float32Array,
  indices: Int32Array,
  distances: Float32Array,
  first: number,
  last: number,
): void {
  const { groups, codes, dim, samples, tokens, tokensOf, grouped } = layout;
  let before = 0; // queries of earlier groups, in a grouped layout
  for (let group = 0; group < groups; group++) {
    const codebook = group * codes * dim;
    const list = tokensOf[group]!;
    for (let t = 0; t < list.length; t++) {
      for (let sample = first; sample < last; sample++) {
        const query = grouped ? before + sample * list.length + t : sample * tokens + list[t]!;
        let best = Infinity;
        let bestCode = 0;
        for (let code = 0; code < codes; code++) {
          const distance = squaredDistance(latents, query * dim, codebooks, codebook + code * dim, dim);
          if (distance < best) {
            best = distance;
            bestCode = code;
          }
        }
        indices[query] = bestCode;
        distances[query] = best;
      }
    }
    before += samples * list.length;
  }
}
