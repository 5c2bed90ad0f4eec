/**
 * Usage, entropy and perplexity of a codebook, or of groups of codebooks. Counts are hits per code;
 * those of groups lie one group after the other.
 */
import { RevqError, type TokenLayout } from "@revq/core";

export type Counts = Uint32Array | Float64Array | Float32Array | Int32Array | readonly number[];

/**
 * Fraction of codes with hits, in (0, 1]; for grouped counts, of the codes of all groups.
 *
 * @example
 * codebookUsage([0, 9, 1, 0]); // => 0.5
 */
export function codebookUsage(counts: Counts): number {
  let used = 0;
  for (let i = 0; i < counts.length; i++) if (counts[i]! > 0) used++;
  checkTotal(used);
  return used / counts.length;
}

/**
 * Entropy of the codes in bits: the rate of an ideal entropy coder per token. Throws `no-codes`
 * when every count is 0.
 *
 * @example
 * entropyBits([1, 1, 2]); // => 1.5
 */
export function entropyBits(counts: Counts): number {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i]!;
  checkTotal(total);
  let weighted = 0; // sum of n log2 n
  for (let i = 0; i < counts.length; i++) if (counts[i]! > 0) weighted += counts[i]! * Math.log2(counts[i]!);
  return Math.max(0, Math.log2(total) - weighted / total);
}

/**
 * 2^entropy: the number of equally likely codes with the same entropy.
 *
 * @example
 * perplexity([5, 5, 0]); // => 2
 */
export function perplexity(counts: Counts): number {
  return 2 ** entropyBits(counts);
}

/** Entropy in bits of every group's codes: counts `[sum(codebookSizes)]` -> `[groups]`. */
export function groupEntropyBits(counts: Counts, layout: Pick<TokenLayout, "codebookSizes">): Float64Array {
  const expected = layout.codebookSizes.reduce((sum, size) => sum + size, 0);
  if (counts.length !== expected) {
    throw new RevqError(
      "metric-shape",
      `Expected ${expected} counts, one for each code of every group; got ${counts.length}.`,
    );
  }
  let start = 0;
  return Float64Array.from(layout.codebookSizes, (size) => entropyBits(counts.slice(start, (start += size))));
}

/** Mean over the groups of each group's perplexity. */
export function groupPerplexity(counts: Counts, layout: Pick<TokenLayout, "codebookSizes">): number {
  return groupEntropyBits(counts, layout).reduce((sum, bits) => sum + 2 ** bits, 0) / layout.codebookSizes.length;
}

/**
 * Mean bits per image of an ideal entropy coder with one table per group: the sum over the tokens
 * of their groups' entropies. At most the nominal `bitsPerImage` of @revq/core.
 */
export function measuredBitsPerImage(counts: Counts, layout: Pick<TokenLayout, "codebookSizes" | "groupOf">): number {
  const bits = groupEntropyBits(counts, layout);
  return layout.groupOf.reduce((sum, group) => sum + bits[group]!, 0);
}

function checkTotal(total: number): void {
  if (!(total > 0)) throw new RevqError("no-codes", "No code was counted: its statistics are undefined.");
}
