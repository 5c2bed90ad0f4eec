/** The exact search: every token in its group's codebook. Groups with as many codes are searched at once. */
import { createSearchMemory, nearestCodes, sharedFloat32, type SearchMemory } from "@revq/nearest";
import { gatherElements } from "@revq/plugin-kit";
import type { CodebookSizes, SizeClass } from "./codebook-sizes.js";
import type { OrderedLayout } from "./layout.js";

/** One per class of sizes: what a search passes on to the next. */
export type SearchMemories = readonly SearchMemory[];

export function createSearchMemories({ classes }: CodebookSizes): SearchMemories {
  return classes.map(({ codes, groups }) => createSearchMemory(groups.length, codes));
}

/**
 * @param values coefficients `[n, h, w, c]` flat
 * @param codebooks finite, `[codes of all groups, d]`
 * @param memories for one search at a time
 * @returns ids `[n, T]`
 */
export async function searchCodes(
  values: ArrayLike<number>,
  codebooks: Float32Array,
  layout: OrderedLayout,
  sizes: CodebookSizes,
  samples: number,
  memories: SearchMemories,
): Promise<Int32Array> {
  const { tokens, order, dim } = layout;
  const search = async (
    { codes, groups, groupOf }: SizeClass,
    [cut, books]: readonly [Float32Array, Float32Array],
    memory: SearchMemory | undefined,
  ): Promise<Int32Array> => {
    const shape = { samples, groups: groups.length, codes, dim, tokens: groupOf.length, groupOf };
    const { indices } = await nearestCodes(cut, books, shape, {
      trusted: "codebooks",
      ...(memory ? { memory } : {}),
    });
    return indices;
  };
  const [first] = sizes.classes;
  if (sizes.equal !== null) return search(first!, [gatherElements(values, order, samples), codebooks], memories[0]);

  const found = new Int32Array(samples * tokens);
  for (const [index, each] of sizes.classes.entries()) {
    const width = each.tokens.length;
    const ownOrder = new Int32Array(width * dim);
    each.tokens.forEach((token, i) => ownOrder.set(order.subarray(token * dim, (token + 1) * dim), i * dim));
    const books = sharedFloat32(each.groups.length * each.codes * dim);
    each.groups.forEach((group, i) => {
      const start = sizes.starts[group]! * dim;
      books.set(codebooks.subarray(start, start + each.codes * dim), i * each.codes * dim);
    });
    const indices = await search(
      each,
      [gatherElements(values, ownOrder, samples, order.length), books],
      memories[index],
    );
    for (let sample = 0; sample < samples; sample++)
      for (let i = 0; i < width; i++) found[sample * tokens + each.tokens[i]!] = indices[sample * width + i]!;
  }
  return found;
}
