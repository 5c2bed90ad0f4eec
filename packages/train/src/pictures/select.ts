/**
 * The named score that decides which of several models a run keeps. Every choice of a run uses it.
 * It loads no tensor engine.
 */
import { RevqError } from "@revq/core";

/**
 * - `lpips`: distance of the pictures by LPIPS.
 * - `psnr`: squared error of the pictures.
 * - `latent`: mean squared error of the standardized latents.
 */
export const selections = ["lpips", "psnr", "latent"] as const;
export type Selection = (typeof selections)[number];

/** Scores of a model on held-out data; null: not measured. */
export interface SelectionScores {
  /** Mean over the pictures. Lower is better. */
  readonly lpips: number | null;
  /** Mean over the pictures, in dB over RGB in [0, 1]. Higher is better. */
  readonly psnr: number | null;
  /** Mean squared error per element of standardized latents. Lower is better. */
  readonly latent: number;
}

/** What a run can measure. */
export interface Measurable {
  /** The backbone decodes. */
  readonly pictures: boolean;
  /** LPIPS has its weights. */
  readonly lpips: boolean;
}

/**
 * The score that a setting means. `auto`: `lpips` where it is measured, else `psnr`, without a
 * decoder `latent`. Throws `select-not-measured`.
 */
export function selectionFor(select: "auto" | Selection, { pictures, lpips }: Measurable): Selection {
  if (select === "auto") return !pictures ? "latent" : lpips ? "lpips" : "psnr";
  const measured = select === "latent" || (pictures && (select === "psnr" || lpips));
  if (measured) return select;
  throw new RevqError(
    "select-not-measured",
    pictures
      ? `Models cannot be selected by ${select}: there are no weights of LPIPS.`
      : `Models cannot be selected by ${select}: there is no decoder, so there are no pictures.`,
    { fix: "Leave the selection open, or select by another score.", setting: { path: "train.select", value: "auto" } },
  );
}

/** True when a is strictly better than b. Both must have the score. */
export function isBetter(a: SelectionScores, b: SelectionScores, selection: Selection): boolean {
  const [first, second] = [a[selection], b[selection]];
  if (first === null || second === null) throw new Error(`there is no score ${selection} to compare`);
  return selection === "psnr" ? first > second : first < second;
}
