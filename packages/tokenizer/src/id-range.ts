/** Checks ids from outside. An id out of range would read beyond a codebook. */
import { RevqError, type TokenLayout } from "@revq/core";

/**
 * Throws `code-out-of-range` unless every id is below the size of its token's codebook.
 *
 * @param ids `[n, t]` flat
 *
 * @example
 * const layout = { count: 2, codebookSizes: [4], groupOf: Int32Array.of(0, 0) };
 * checkIds(Int32Array.of(3, 0), layout); // => undefined
 */
export function checkIds(ids: Int32Array, { count, codebookSizes, groupOf }: TokenLayout): void {
  for (let i = 0; i < ids.length; i++) {
    const token = i % count;
    const limit = codebookSizes[groupOf[token]!]!;
    const id = ids[i]!;
    if (id < 0 || id >= limit) {
      throw new RevqError(
        "code-out-of-range",
        `Image ${Math.floor(i / count)}, token ${token}: id ${id} is outside 0 … ${limit - 1}.`,
        { fix: "Check whether these are flat ids, or ids of another tokenizer." },
      );
    }
  }
}
