/** How many picture steps a run takes. */

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
 * The steps that fit into a budget.
 * @param seconds of one step
 */
export function affordableSteps(budget: number, seconds: number): number {
  const steps = Math.floor(budget / seconds);
  return steps < minSteps ? 0 : steps;
}

/** A note for a user whose run has too little time for picture steps. */
export function tooSlowText(budget: number, seconds: number): string {
  return (
    `No picture steps: ${minSteps} of them take about ${Math.ceil(minSteps * seconds)} s, ` +
    `and the run took ${Math.ceil(budget)} s so far. Name a number of steps to take them all the same.`
  );
}
