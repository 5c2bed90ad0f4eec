/** Hits per code, all groups one after the other: the layout of `TrainableQuantizer.endOfEpoch` and of the usage metrics. */
import { codebookOffsets, type TokenSpec } from "@revq/core";
import { perplexity } from "@revq/metrics";

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

/** Perplexity of each group's codes, mean over groups. */
export function meanPerplexity(counts: Int32Array, tokens: TokenSpec): number {
  const offsets = codebookOffsets(tokens);
  const sum = tokens.codes.reduce(
    (total, codes, group) => total + perplexity(counts.subarray(offsets[group]!, offsets[group]! + codes)),
    0,
  );
  return sum / tokens.codes.length;
}
