/** @revq/plugin-kit/descriptor: what descriptors of quantizers share. It loads no tensor engine. */
import { RevqError, type CutSplit, type TokenSplit, type TransformLayout } from "@revq/core";

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
 * For quantizers that cannot choose their options for a budget of bits.
 *
 * @param option the option that decides the bits
 * @throws RevqError `bits-not-supported` when there is a budget
 */
export function refuseBitBudget(id: string, bits: number | null, option: "tokens" | "codes"): void {
  if (bits === null) return;
  throw new RevqError("bits-not-supported", `The quantizer ${id} cannot choose its options for a budget of bits.`, {
    fix: option === "tokens" ? "Set tokens and codes instead." : "Set codes instead.",
    setting: { path: `quantizer.${option}` },
  });
}
