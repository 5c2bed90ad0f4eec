/** Estimates the time of a whole training from the time of a step. */
import type { RecipeName } from "@revq/train/config";
import type { StepTimes } from "./step.js";

export interface FullTraining {
  readonly epochs: number;
  readonly images: number;
  readonly steps: number;
  /** For the steps alone, without encoding, k-means and measuring. */
  readonly hours: number;
}

/** The last partial batch of an epoch is dropped, as in training, unless it is the only one. The recipe kmeans quantizes every image once. */
export function fullTraining(
  recipe: RecipeName,
  { epochs, batch }: { readonly epochs: number; readonly batch: number },
  images: number,
  { quantize, total }: Pick<StepTimes, "quantize" | "total">,
): FullTraining {
  const stepsPerEpoch = Math.max(1, Math.floor(images / batch));
  const steps = epochs * stepsPerEpoch;
  const assignment = recipe === "kmeans" ? stepsPerEpoch * quantize : 0;
  return { epochs, images, steps, hours: (steps * total + assignment) / 3.6e6 };
}

/** "40 seconds", "3.5 hours", "12 days", "2.3 years". */
export function durationText(hours: number): string {
  const units: readonly [string, number][] = [
    ["years", 24 * 365.25],
    ["days", 24],
    ["hours", 1],
    ["minutes", 1 / 60],
    ["seconds", 1 / 3600],
  ];
  const [name, size] = units.find(([, unit]) => hours >= 1.5 * unit) ?? units.at(-1)!;
  const value = hours / size;
  return `${value >= 10 ? value.toFixed(0) : value.toFixed(1)} ${name}`;
}
