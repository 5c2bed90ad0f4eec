/** How many picture steps a run takes. */
import type { PhaseName } from "../run/records.js";

/** Fewer steps change little. */
export const minSteps = 50;

/** Whether there is something to take steps on. */
export interface StageAbilities {
  /** The backbone decodes, and its decoder has gradients. */
  readonly decoder: boolean;
  /** The rectifier has weights. */
  readonly rectifier: boolean;
  /** The engine is fast enough to try without being asked. */
  readonly fast: boolean;
}

/** Why `auto` takes no picture steps; null if it does. */
export function reasonAgainst({ decoder, rectifier, fast }: StageAbilities): string | null {
  if (!decoder) return "the decoder has no gradients";
  if (!rectifier) return "the rectifier has no weights";
  return fast ? null : "the engine cpu is too slow";
}

/** The stage may take this many times as long as all before it, because its steps pay more. */
const share = 3;
/** Seconds that this is limited to. A longer run gives the stage as long as all before took. */
const generous = 360;

/**
 * Seconds for the phases of open length.
 *
 * @param before seconds of encoding, codebooks and epochs
 */
export function pictureBudget(before: number): number {
  return Math.max(before, Math.min(share * before, generous));
}

/**
 * The steps that fit into a budget; `least` where those are too few to help.
 *
 * @param budget in seconds
 * @param seconds of one step
 */
export function stepsThatFit(budget: number, seconds: number, least = 0): number {
  const steps = Math.floor(budget / seconds);
  return steps < minSteps ? least : steps;
}

/**
 * A note for a user whose run has too little time for a phase.
 *
 * @param seconds of one step
 */
export function tooSlowText(phase: PhaseName, budget: number, seconds: number): string {
  const what = phase === "decoder" ? "The decoder is not adapted" : "No picture steps";
  return (
    `${what}: ${minSteps} steps take about ${Math.ceil(minSteps * seconds)} s, ` +
    `and this run has ${Math.ceil(budget)} s for them. Name a number of steps to take them all the same.`
  );
}

/** Whether the stage takes steps, or may. */
export function takesSteps(pictures: { readonly steps: Readonly<Record<string, "auto" | number>> } | null): boolean {
  return pictures !== null && Object.values(pictures.steps).some((steps) => steps !== 0);
}
