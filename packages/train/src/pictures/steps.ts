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

/**
 * The steps of each phase that fit into a budget. Phases share it alike. Where one does not fit, the
 * decoder's phase is left out first, and the other has all of the budget.
 *
 * @param budget in seconds
 * @param times seconds of one step of each phase, in order
 * @param least a phase has at least so many steps, whatever they take
 */
export function stepsThatFit(
  budget: number,
  times: Readonly<Partial<Record<PhaseName, number>>>,
  least = 0,
): Partial<Record<PhaseName, number>> {
  const phases = Object.entries(times) as [PhaseName, number][];
  const fitting = phases.map(([, seconds]) => affordableSteps(budget / phases.length, seconds) || least);
  if (phases.length > 1 && fitting.includes(0)) {
    const { decoder: _, ...others } = times;
    return { ...stepsThatFit(budget, others), decoder: 0 };
  }
  return Object.fromEntries(phases.map(([name], i) => [name, fitting[i]!]));
}

function affordableSteps(budget: number, seconds: number): number {
  const steps = Math.floor(budget / seconds);
  return steps < minSteps ? 0 : steps;
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
    `and the run took ${Math.ceil(budget)} s so far. Name a number of steps to take them all the same.`
  );
}
