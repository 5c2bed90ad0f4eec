/**
 * What counts of codes tell: usage, entropy, perplexity, for one codebook or for groups of them. Counts are of code hits; those of
 * groups lie one group after the other, as in `TrainableQuantizer.endOfEpoch`.
 */
import { RevqError, type TokenSpec } from "@revq/core";

export type Counts = Uint32Array | Float64Array | Float32Array | Int32Array | readonly number[];

/** Fraction of codes hit at least once, in (0, 1]. Of grouped counts: of the codes of all groups. */
export function codebookUsage(counts: Counts): number {
  let used = 0;
  for (let i = 0; i < counts.length; i++) if (counts[i]! > 0) used++;
  checkTotal(used);
  return used / counts.length;
}

/** Entropy of the codes in bits: what an ideal entropy coder spends on one token. Throws `no-codes` when every count is 0. */
export function entropyBits(counts: Counts): number {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i]!;
  checkTotal(total);
  let weighted = 0; // sum of n log2 n
  for (let i = 0; i < counts.length; i++) if (counts[i]! > 0) weighted += counts[i]! * Math.log2(counts[i]!);
  return Math.max(0, Math.log2(total) - weighted / total);
}

/** 2^entropy: how many equally likely codes would have the same entropy, from 1 to the number of codes. */
export function perplexity(counts: Counts): number {
  return 2 ** entropyBits(counts);
}

/** Entropy in bits of every group's codes: counts [sum of tokens.codes] -> [groups]. */
export function groupEntropyBits(counts: Counts, tokens: Pick<TokenSpec, "codes">): Float64Array {
  const expected = tokens.codes.reduce((sum, codes) => sum + codes, 0);
  if (counts.length !== expected) {
    throw new RevqError(
      "metric-shape",
      `Expected ${expected} counts, one a code of every group; got ${counts.length}.`,
    );
  }
  let start = 0;
  return Float64Array.from(tokens.codes, (codes) => entropyBits(counts.slice(start, (start += codes))));
}

/** Mean over the groups of each group's perplexity. */
export function groupPerplexity(counts: Counts, tokens: Pick<TokenSpec, "codes">): number {
  return groupEntropyBits(counts, tokens).reduce((sum, bits) => sum + 2 ** bits, 0) / tokens.codes.length;
}

/**
 * Bits that an ideal entropy coder with one table a group spends on an image, on average: the sum over the tokens of their groups'
 * entropies. At most the nominal `bitsPerImage` of @revq/core.
 */
export function measuredBitsPerImage(counts: Counts, tokens: Pick<TokenSpec, "codes" | "groupOf">): number {
  const bits = groupEntropyBits(counts, tokens);
  return tokens.groupOf.reduce((sum, group) => sum + bits[group]!, 0);
}

function checkTotal(total: number): void {
  if (!(total > 0)) throw new RevqError("no-codes", "No code was counted: the statistics of nothing are undefined.");
}
