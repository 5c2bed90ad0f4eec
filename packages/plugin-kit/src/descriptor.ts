/** @revq/plugin-kit/descriptor: what descriptors of quantizers share. It loads no tensor engine. */
import {
  isRevqError,
  requireSplitFits,
  latentSize,
  type CutSplit,
  type LatentShape,
  type TokenSplit,
  type TransformLayout,
} from "@revq/core";

export { requireBitBudget, tokensAndCodes, type TokenChoices } from "./bit-budget.js";
export { gridSize } from "./grid.js";
export type { CutSplit } from "@revq/core";

/**
 * The split for `auto`: eigenvalue allocation after a decorrelating transform.
 *
 * @param byPosition the split of latents whose coefficients are not decorrelated
 *
 * @example
 * concreteSplit("auto", { block: [8, 8], blocks: 1, decorrelated: true }, "channel"); // => "eigenvalue"
 */
export function concreteSplit(
  split: CutSplit | "auto",
  transform: TransformLayout | null,
  byPosition: TokenSplit,
): CutSplit {
  if (split !== "auto") return split;
  return transform?.decorrelated ? "eigenvalue" : byPosition;
}

/**
 * Whether latents can be cut into so many vectors by a split.
 *
 * @param transform the blocks for this number of tokens; null when none fit
 *
 * @example
 * const transform = { block: [4, 4], blocks: 16, decorrelated: false } as const;
 * cutFits({ channels: 4, height: 16, width: 16 }, 64, "patch", transform); // => true
 * cutFits({ channels: 4, height: 16, width: 16 }, 512, "patch", transform); // => false
 */
export function cutFits(
  shape: LatentShape,
  vectors: number,
  split: CutSplit | "auto",
  transform: TransformLayout | null,
): boolean {
  if (!transform) return false;
  const allocates = split === "eigenvalue" || (split === "auto" && transform.decorrelated);
  if (allocates) return vectors % transform.blocks === 0;
  try {
    requireSplitFits(shape, latentSize(shape) / vectors, split);
    return true;
  } catch (error) {
    if (isRevqError(error)) return false;
    throw error;
  }
}
