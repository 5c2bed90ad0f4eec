/** Which token is which stage. */
import type { CutSplit, TokenLayout } from "@revq/core";

/** Token t is of stage `t % depth`, and stages are groups. @param split `auto`: not decided */
export function residualLayout(vectors: number, depth: number, codes: number, split: CutSplit | "auto"): TokenLayout {
  const count = vectors * depth;
  return {
    count,
    codebookSizes: new Array<number>(depth).fill(codes),
    groupOf: Int32Array.from({ length: count }, (_, token) => token % depth),
    ...(split === "auto" ? {} : { cut: { split, stages: depth } }),
  };
}
