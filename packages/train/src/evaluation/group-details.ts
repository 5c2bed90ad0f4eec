/** How evenly each codebook is used, and histograms of a few codebooks. */
import { codebookOffsets, type TokenLayout } from "@revq/core";
import { codebookUsage, groupEntropyBits } from "@revq/metrics";
import type { LatentDetails } from "@revq/report";

/** Shown in full, from the least to the most evenly used. */
const shownHistograms = 3;

/** @param counts hits of every code, group after group */
export function groupDetails(counts: Int32Array, layout: TokenLayout): Pick<LatentDetails, "groups" | "histograms"> {
  const offsets = codebookOffsets(layout);
  const bits = groupEntropyBits(counts, layout);
  const countsOf = (group: number): Int32Array =>
    counts.subarray(offsets[group]!, offsets[group]! + layout.codebookSizes[group]!);
  const groups = layout.codebookSizes.map((codes, group) => ({
    codes,
    usage: codebookUsage(countsOf(group)),
    perplexity: 2 ** bits[group]!,
  }));
  const order = groups.map((_, group) => group).sort((a, b) => evenness(groups[a]!) - evenness(groups[b]!) || a - b);
  const shown = Math.min(shownHistograms, order.length);
  const chosen = Array.from(
    { length: shown },
    (_, i) => order[shown === 1 ? 0 : Math.round((i * (order.length - 1)) / (shown - 1))]!,
  );
  return { groups, histograms: chosen.map((group) => ({ group, counts: Array.from(countsOf(group)) })) };
}

function evenness({ perplexity, codes }: { readonly perplexity: number; readonly codes: number }): number {
  return perplexity / codes;
}
