/** Progressive reveal: in which order tokens appear, and what the first n of them are. */

export const revealOrders = ["group", "weight"] as const;
export type RevealOrder = (typeof revealOrders)[number];

/** Tokens group by group (depth by depth), in their order within a group. `[T]` */
export function orderByGroup(groupOf: Int32Array): Int32Array {
  return Int32Array.from(groupOf.keys()).sort((a, b) => groupOf[a]! - groupOf[b]! || a - b);
}

/** The heaviest first: tokens whose absence costs the largest error. `[T]` */
export function orderByWeight(weights: ArrayLike<number>): Int32Array {
  return Int32Array.from({ length: weights.length }, (_, token) => token).sort(
    (a, b) => weights[b]! - weights[a]! || a - b,
  );
}

/** 1 for all but the first `count` tokens of the order. `[T]` */
export function hiddenAfter(order: Int32Array, count: number): Uint8Array {
  const hidden = new Uint8Array(order.length).fill(1);
  for (let i = 0; i < count; i++) hidden[order[i]!] = 0;
  return hidden;
}

/** Counts of a play, from 0 to all, in at most `frames` steps; small counts are closer together. */
export function playedCounts(tokens: number, frames: number): number[] {
  const counts = Array.from({ length: frames + 1 }, (_, i) => Math.round(tokens * (i / frames) ** 2));
  return [...new Set(counts)];
}

/** Bytes of the first `count` tokens, without entropy coding. */
export function bytesOf(
  order: Int32Array,
  count: number,
  groupOf: Int32Array,
  codebookSizes: readonly number[],
): number {
  let bits = 0;
  for (let i = 0; i < count; i++) bits += Math.log2(codebookSizes[groupOf[order[i]!]!]!);
  return bits / 8;
}
