/** The first codebooks of recipe `paper`: random training latents, each group for itself (arXiv 2507.10547). */
import { RevqError, type LatentSource, type Random } from "@revq/core";
import { groupsAlike, type CodebookSizes } from "./codebook-sizes.js";
import { gatherTokens, population, type TokenPick } from "./gather-tokens.js";
import type { MultigroupLayout } from "./layout.js";

/**
 * Tokens of the training latents, drawn with replacement, as the authors' curves have it: at T=512 K=1024 on 8,000 latents distinct
 * tokens start 3 % lower (.0698 instead of .0714 after the first epoch; the authors' .0719). Equal codes are told apart by the first
 * step, which moves the lower one alone, or by the reset.
 *
 * @returns float32 `[codes of all groups, d]`
 * @throws RevqError `no-latents` when the source is empty
 */
export async function drawCodebooks(
  source: LatentSource,
  layout: MultigroupLayout,
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

export function requireLatents(source: LatentSource): void {
  if (source.count > 0) return;
  throw new RevqError("no-latents", "There are no latents to make codebooks of; at least one is needed.", {
    fix: "Check --data or --latents.",
  });
}
