/** How often codes occur in the images of this session. */
import { codebookOffsets, type TokenLayout } from "@revq/core";
import { entropyBits } from "@revq/metrics";

/** Adds hits to `counts`, groups one after the other. */
export function codeCounter(counts: Int32Array, layout: TokenLayout): { add(ids: Int32Array): void } {
  const starts = codebookOffsets(layout);
  return {
    add(ids) {
      for (let t = 0; t < ids.length; t++) counts[starts[layout.groupOf[t]!]! + ids[t]!]!++;
    },
  };
}

export interface GroupUsage {
  readonly group: number;
  readonly codes: number;
  readonly used: number;
  /** How often any code of the group was hit. */
  readonly hits: number;
  /** 2^entropy of the hits; 0 before the first. */
  readonly perplexity: number;
}

const known = new WeakMap<object, GroupUsage[]>();

/** @param version another object whenever the counts have changed: the sums are kept for it */
export function usageOf(counts: Int32Array, codebookSizes: readonly number[], version: object): readonly GroupUsage[] {
  let usage = known.get(version);
  if (!usage) known.set(version, (usage = usageByGroup(counts, codebookSizes)));
  return usage;
}

export function usageByGroup(counts: Int32Array, codebookSizes: readonly number[]): GroupUsage[] {
  let start = 0;
  return codebookSizes.map((size, group) => {
    const own = counts.subarray(start, (start += size));
    let used = 0;
    let hits = 0;
    for (const count of own) {
      if (count > 0) used++;
      hits += count;
    }
    return { group, codes: size, used, hits, perplexity: hits > 0 ? 2 ** entropyBits(own) : 0 };
  });
}

/** The hits of one group's codes, a view. */
export function countsOfGroup(counts: Int32Array, codebookSizes: readonly number[], group: number): Int32Array {
  let start = 0;
  for (let g = 0; g < group; g++) start += codebookSizes[g]!;
  return counts.subarray(start, start + codebookSizes[group]!);
}
