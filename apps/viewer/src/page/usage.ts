/** How often codes occur in the images of this session. */
import { codebookOffsets, type TokenSpec } from "@revq/core";
import { entropyBits } from "@revq/metrics";

/** Adds hits to `counts`, groups one after the other. */
export function codeCounter(counts: Int32Array, tokens: TokenSpec): { add(codes: Int32Array): void } {
  const starts = codebookOffsets(tokens);
  return {
    add(codes) {
      for (let t = 0; t < codes.length; t++) counts[starts[tokens.groupOf[t]!]! + codes[t]!]!++;
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

const made = new WeakMap<object, GroupUsage[]>();

/** @param version an object that is another one whenever the counts have changed: large codebooks are summed up once for it */
export function usageOf(counts: Int32Array, codes: readonly number[], version: object): readonly GroupUsage[] {
  let usage = made.get(version);
  if (!usage) made.set(version, (usage = usageByGroup(counts, codes)));
  return usage;
}

export function usageByGroup(counts: Int32Array, codes: readonly number[]): GroupUsage[] {
  let start = 0;
  return codes.map((size, group) => {
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
export function countsOfGroup(counts: Int32Array, codes: readonly number[], group: number): Int32Array {
  let start = 0;
  for (let g = 0; g < group; g++) start += codes[g]!;
  return counts.subarray(start, start + codes[group]!);
}
