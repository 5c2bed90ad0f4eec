/** Hits per code, all groups one after the other: the layout of `TrainableQuantizer.endOfEpoch` and of the usage metrics. */
import { codebookOffsets, type TokenSpec } from "@revq/core";

export function emptyCounts(tokens: TokenSpec): Int32Array {
  return new Int32Array(tokens.codes.reduce((sum, codes) => sum + codes, 0));
}

/** @param codes `[n, t]` flat */
export function countCodes(counts: Int32Array, codes: ArrayLike<number>, tokens: TokenSpec): void {
  const offsets = codebookOffsets(tokens);
  for (let i = 0; i < codes.length; i++) {
    const place = offsets[tokens.groupOf[i % tokens.tokens]!]! + codes[i]!;
    counts[place] = counts[place]! + 1;
  }
}

/** Fraction of all codes that were hit. */
export function usageOf(counts: Int32Array): number {
  return counts.reduce((used, hits) => used + (hits > 0 ? 1 : 0), 0) / Math.max(1, counts.length);
}

/** exp of the entropy of each group's codes, mean over groups. */
export function perplexityOf(counts: Int32Array, tokens: TokenSpec): number {
  const offsets = codebookOffsets(tokens);
  let sum = 0;
  tokens.codes.forEach((codes, group) => {
    const hits = counts.subarray(offsets[group]!, offsets[group]! + codes);
    const total = hits.reduce((a, b) => a + b, 0);
    let entropy = 0;
    for (const count of hits) if (count > 0) entropy -= (count / total) * Math.log(count / total);
    sum += Math.exp(entropy);
  });
  return sum / tokens.codes.length;
}
