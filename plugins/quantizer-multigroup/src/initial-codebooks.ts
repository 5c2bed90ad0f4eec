/** The first codebooks of recipe `paper`: random training latents, each group for itself (arXiv 2507.10547). */
import { RevqError, type LatentSource, type Random } from "@revq/core";
import { gatherTokens, population, type TokenPick } from "./gather-tokens.js";
import type { MultigroupLayout } from "./layout.js";

/**
 * Distinct tokens of the training latents. A group with fewer tokens than codes takes them all; its remaining codes are drawn
 * from them again plus 0.1 N(0, 1), the noise of the paper's reset, so that no two codes are equal.
 *
 * @returns float32 `[G, K, d]`
 * @throws RevqError `no-latents` when the source is empty
 */
export async function drawCodebooks(
  source: LatentSource,
  layout: MultigroupLayout,
  codes: number,
  random: Random,
): Promise<Float32Array> {
  requireLatents(source);
  const { groups, dim } = layout;
  const codebooks = new Float32Array(groups * codes * dim);
  for (const members of groupsOfEqualPopulation(layout)) {
    const drawn = Math.min(codes, population(source, layout, members[0]!));
    const picks = members.map((group): TokenPick => {
      const own = random.fork(`group ${group}`);
      return { group, entries: own.sample(population(source, layout, group), drawn).sort() };
    });
    const tokens = await gatherTokens(source, layout, picks);
    members.forEach((group, column) => {
      const noise = random.fork(`repeated codes of group ${group}`);
      for (let code = 0; code < codes; code++) {
        const row = code < drawn ? code : noise.integer(drawn);
        const from = (row * members.length + column) * dim;
        const to = (group * codes + code) * dim;
        for (let i = 0; i < dim; i++) {
          codebooks[to + i] = tokens[from + i]! + (code < drawn ? 0 : 0.1 * noise.normal());
        }
      }
    });
  }
  return codebooks;
}

export function requireLatents(source: LatentSource): void {
  if (source.count > 0) return;
  throw new RevqError("no-latents", "There are no latents to make codebooks of; at least one is needed.", {
    fix: "Check --data or --latents.",
  });
}

/** Groups with the same number of tokens, ascending: they fit into one array. More than one list only when G does not divide T. */
export function groupsOfEqualPopulation(layout: MultigroupLayout): number[][] {
  const lists = new Map<number, number[]>();
  layout.tokensOf.forEach((tokens, group) => {
    const list = lists.get(tokens.length);
    if (list) list.push(group);
    else lists.set(tokens.length, [group]);
  });
  return [...lists.values()];
}
