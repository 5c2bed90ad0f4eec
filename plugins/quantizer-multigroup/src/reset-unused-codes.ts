/**
 * What the recipe `paper` does with unused codes at the end of an epoch (arXiv 2507.10547, "codebook reset", and the authors'
 * code): in every group the last n of the codes sorted by hits become, one for one, the first n plus 0.1 N(0, 1), with
 * n = min(max(floor(0.2 K), 1), number of codes with fewer than 0.5 hits).
 */
import type { MultigroupLayout } from "./layout.js";

export interface CodebookReset {
  /** New codebooks, as they were given. */
  readonly codebooks: Float32Array;
  /** The codes that were replaced, counted through all groups. */
  readonly replaced: Int32Array;
}

/**
 * @param codebooks float32 `[codes of all groups, d]`; not changed
 * @param counts hits per code, `[codes of all groups]`
 * @param layout with `sizes`, the codes of every group; without, all have as many
 * @param noise draws one standard normal number; called for every number of every replaced code, in the order of `replaced`
 * @param sortByHits codes of a group, most used first; codes of equal hits in any order (the authors' sort is not stable). By
 *   default the lower code comes first.
 */
export function resetUnusedCodes(
  codebooks: Float32Array,
  counts: ArrayLike<number>,
  layout: Pick<MultigroupLayout, "groups" | "dim"> & { readonly sizes?: readonly number[] },
  noise: () => number,
  sortByHits: (hits: Float64Array, group: number) => ArrayLike<number> = mostUsedFirst,
): CodebookReset {
  const { groups, dim, sizes } = layout;
  const after = codebooks.slice();
  const replaced: number[] = [];
  let start = 0;
  for (let group = 0; group < groups; group++) {
    const codes = sizes?.[group] ?? codebooks.length / (groups * dim);
    const hits = Float64Array.from({ length: codes }, (_, code) => counts[start + code]!);
    const unused = hits.reduce((count, hit) => count + (hit < 0.5 ? 1 : 0), 0);
    const n = Math.min(Math.max(Math.floor(0.2 * codes), 1), unused);
    const order = sortByHits(hits, group);
    for (let i = 0; i < n; i++) {
      const from = start + order[i]!;
      const to = start + order[codes - n + i]!;
      for (let j = 0; j < dim; j++) after[to * dim + j] = codebooks[from * dim + j]! + 0.1 * noise();
      replaced.push(to);
    }
    start += codes;
  }
  return { codebooks: after, replaced: Int32Array.from(replaced) };
}

function mostUsedFirst(hits: Float64Array): Int32Array {
  return Int32Array.from(hits.keys()).sort((a, b) => hits[b]! - hits[a]! || a - b);
}
