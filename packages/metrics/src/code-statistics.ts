/**
 * What counts of codes tell: usage, entropy, perplexity, for one codebook or for groups of them. Counts are of code hits; a grouped
 * array is [groups, codes], row-major.
 */
import { RevqError } from "@revq/core";

export type Counts = Uint32Array | Float64Array | Float32Array | Int32Array | readonly number[];

/** Fraction of codes hit at least once, in (0, 1]. Of grouped counts: of all groups x codes. */
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

/** Entropy in bits of every group; [groups, codes] -> [groups]. */
export function groupEntropyBits(counts: Counts, groups: number): Float64Array {
  if (!Number.isSafeInteger(groups) || groups < 1 || counts.length === 0 || counts.length % groups !== 0) {
    throw new RevqError("metric-shape", `${counts.length} counts do not divide into ${groups} groups.`);
  }
  const codes = counts.length / groups;
  return Float64Array.from({ length: groups }, (_, group) =>
    entropyBits(counts.slice(group * codes, (group + 1) * codes)),
  );
}

/** Mean over the groups of each group's perplexity. */
export function groupPerplexity(counts: Counts, groups: number): number {
  return groupEntropyBits(counts, groups).reduce((sum, bits) => sum + 2 ** bits, 0) / groups;
}

/**
 * Bits that an ideal entropy coder with one table a group spends on an image, on average: the sum over the tokens of their groups'
 * entropies. `groupOf` maps a token to its group; default token % groups.
 */
export function measuredBitsPerImage(
  counts: Counts,
  groups: number,
  tokens: number,
  groupOf: (token: number) => number = (token) => token % groups,
): number {
  const bits = groupEntropyBits(counts, groups);
  let sum = 0;
  for (let token = 0; token < tokens; token++) sum += bits[groupOf(token)]!;
  return sum;
}

function checkTotal(total: number): void {
  if (!(total > 0)) throw new RevqError("no-codes", "No code was counted: the statistics of nothing are undefined.");
}
