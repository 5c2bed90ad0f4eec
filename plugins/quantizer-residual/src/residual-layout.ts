/** Which token is which stage. */
import type { TokenLayout } from "@revq/core";

/** Token t is of stage `t % depth`, and stages are groups. */
export function residualLayout(vectors: number, depth: number, codes: number): TokenLayout {
  const count = vectors * depth;
  return {
    count,
    codebookSizes: new Array<number>(depth).fill(codes),
    groupOf: Int32Array.from({ length: count }, (_, token) => token % depth),
  };
}
