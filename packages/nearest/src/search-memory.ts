/**
 * Memory between searches in codebooks that move a little, as in training and k-means: the order of
 * the codes in the tree. It saves most of the time to build an index. Answers stay exact.
 */
import { RevqError } from "@revq/core";
import type { NearestLayout } from "./shape.js";
import { sharedInt32 } from "./shared-memory.js";

/** Opaque: searches fill it. For one search at a time. */
export interface SearchMemory {
  readonly groups: number;
  readonly codes: number;
  /** The codes in the order of their group's tree, `[groups, codes]`; null before the first use. */
  order: Int32Array | null;
  /** `[groups]`: 1 where the order is valid; null before the first use. */
  ready: Int32Array | null;
  /** Searches since the order was made. */
  age: number;
}

/** The order is built anew after so many searches. */
const maxOrderAge = 16;

/**
 * Memory to pass to searches in codebooks of this many groups and codes. It takes
 * groups x codes x 4 bytes after the first search.
 *
 * @example
 * const shape = { samples: 1, groups: 1, codes: 2, dim: 2 };
 * const codebooks = Float32Array.of(0, 0, 1, 1);
 * const memory = createSearchMemory(1, 2);
 * const first = await nearestCodes(Float32Array.of(0.9, 0.9), codebooks, shape, { memory });
 * codebooks[0] = 0.95; // codebooks move a little between searches
 * const second = await nearestCodes(Float32Array.of(0.9, 0.2), codebooks, shape, { memory });
 * [first.indices[0], second.indices[0]]; // => [1, 0]
 */
export function createSearchMemory(groups: number, codes: number): SearchMemory {
  return { groups, codes, order: null, ready: null, age: 0 };
}

/** The arrays for the next search. Throws `search-memory` for codebooks of another shape. */
export function nextOrder(
  memory: SearchMemory,
  { groups, codes }: NearestLayout,
): { order: Int32Array; ready: Int32Array } {
  if (memory.groups !== groups || memory.codes !== codes) {
    throw new RevqError(
      "search-memory",
      `The search memory is for [${memory.groups}, ${memory.codes}] codes, but the codebooks are ` +
        `[${groups}, ${codes}].`,
      { fix: "Call `createSearchMemory(groups, codes)` once for each set of codebooks." },
    );
  }
  memory.order ??= sharedInt32(groups * codes);
  memory.ready ??= sharedInt32(groups);
  if (memory.age++ % maxOrderAge === 0) memory.ready.fill(0);
  return { order: memory.order, ready: memory.ready };
}
