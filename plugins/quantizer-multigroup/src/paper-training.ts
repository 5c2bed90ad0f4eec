/**
 * Codebooks in the recipe `paper` (arXiv 2507.10547 and the authors' code): the first ones, and the reset of unused codes.
 *
 * The reset at the end of an epoch, in every group: the last n of the codes sorted by hits become, one for one, the first n
 * plus 0.1 N(0, 1), with n = min(max(floor(0.2 K), 1), number of codes with fewer than 0.5 hits).
 */
import type { LatentSource, Random } from "@revq/core";
import { groupsAlike, type CodebookSizes } from "./codebook-sizes.js";
import { gatherTokens, population, requireLatents, type TokenPick } from "./gather-tokens.js";
import type { MultigroupLayout, OrderedLayout } from "./layout.js";

/**
 * The first codebooks: random tokens of the training latents, each group for itself, drawn with replacement as in the
 * authors' curves. Distinct tokens start 3 % lower (T=512, K=1024, 8,000 latents: .0698 after the first epoch instead of
 * .0714; the authors' .0719). The first step, which moves the lower one alone, or the reset separates equal codes.
 *
 * @returns float32 `[codes of all groups, d]`
 * @throws RevqError `no-latents` when the source is empty
 */
export async function drawCodebooks(
  source: LatentSource,
  layout: OrderedLayout,
  { sizes, starts, total }: CodebookSizes,
  random: Random,
): Promise<Float32Array> {
  requireLatents(source);
  const { dim } = layout;
  const codebooks = new Float32Array(total * dim);
  for (const members of groupsAlike(layout, sizes)) {
    const codes = sizes[members[0]!]!;
    const tokensOfGroup = population(source, layout, members[0]!);
    const picks = members.map((group): TokenPick => {
      const own = random.fork(`group ${group}`);
      return { group, entries: Int32Array.from({ length: codes }, () => own.integer(tokensOfGroup)).sort() };
    });
    const tokens = await gatherTokens(source, layout, picks);
    members.forEach((group, column) => {
      for (let code = 0; code < codes; code++) {
        const from = (code * members.length + column) * dim;
        codebooks.set(tokens.subarray(from, from + dim), (starts[group]! + code) * dim);
      }
    });
  }
  return codebooks;
}

export interface CodebookReset {
  /** New codebooks, as they were given. */
  readonly codebooks: Float32Array;
  /** The codes that were replaced, numbered through all groups. */
  readonly replaced: Int32Array;
}

/**
 * @param codebooks float32 `[codes of all groups, d]`; not changed
 * @param counts hits per code, `[codes of all groups]`
 * @param layout with `sizes`, the codes of every group; without, all have as many
 * @param noise draws one standard normal number; called for every element of every replaced code, in the order of `replaced`
 * @param sortByHits codes of a group, most used first; codes of equal hits in any order (the authors' sort is not stable). By
 *   default the lower code comes first.
 */
export function resetUnusedCodes(
  codebooks: Float32Array,
  counts: ArrayLike<number>,
  layout: Pick<MultigroupLayout, "groups" | "dim"> & { readonly sizes?: readonly number[] },
  noise: () => number,
  sortByHits: (hits: Float64Array, group: number) => ArrayLike<number> = byHits,
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

function byHits(hits: Float64Array): Int32Array {
  return Int32Array.from(hits.keys()).sort((a, b) => hits[b]! - hits[a]! || a - b);
}
