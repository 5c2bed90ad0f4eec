/**
 * What one search can remember for the next, when the codebooks move a little in between, as in training and k-means: which
 * codes were neighbours. It saves most of the time that an index takes to build. Answers stay exact whatever happened since.
 */
import { RevqError } from "@revq/core";
import type { NearestLayout } from "./shape.js";
import { sharedInt32 } from "./shared-memory.js";

/** Opaque: made by `createSearchMemory`, filled by searches. For one search at a time. */
export interface SearchMemory {
  readonly groups: number;
  readonly codes: number;
  /** Which code sits where in a group's tree, `[groups, codes]`; null before the first use. */
  order: Int32Array | null;
  /** Per group: 1 when its order has been made. */
  ready: Int32Array | null;
  /** Searches since the order was made. */
  age: number;
}

/** After so many searches the order is made anew. */
const oldestOrder = 16;

/** Takes groups x codes x 4 bytes once used. Pass it as `memory` to searches in codebooks of this many groups and codes. */
export function createSearchMemory(groups: number, codes: number): SearchMemory {
  return { groups, codes, order: null, ready: null, age: 0 };
}

/** The arrays for the next search. Throws `search-memory` when the memory was made for codebooks of another shape. */
export function nextOrder(
  memory: SearchMemory,
  { groups, codes }: NearestLayout,
): { order: Int32Array; ready: Int32Array } {
  if (memory.groups !== groups || memory.codes !== codes) {
    throw new RevqError(
      "search-memory",
      `The search memory is for [${memory.groups}, ${memory.codes}] codes, but the codebooks are [${groups}, ${codes}].`,
      { fix: "Make one with createSearchMemory(groups, codes) for each set of codebooks." },
    );
  }
  memory.order ??= sharedInt32(groups * codes);
  memory.ready ??= sharedInt32(groups);
  if (memory.age++ % oldestOrder === 0) memory.ready.fill(0);
  return { order: memory.order, ready: memory.ready };
}
