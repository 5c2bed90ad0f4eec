/**
 * Learning rates as functions of time. They are pure, so that a resumed run needs no state for
 * them.
 */

/**
 * The authors' schedule: the rate falls by the same factor after every epoch, counted from 0, to
 * `finalFraction` of the initial rate after `epochs` epochs (PyTorch's `ExponentialLR` with gamma =
 * finalFraction^(1 / epochs)).
 */
export function exponentialDecay(initial: number, epochs: number, finalFraction: number): (epoch: number) => number {
  const factor = finalFraction ** (1 / epochs);
  return (epoch) => initial * factor ** epoch;
}

/**
 * Half a cosine from `initial` at step 0 down to `finalFraction` of it at step `steps`, then
 * constant (SGDR without restarts, arXiv 1608.03983).
 */
export function cosineDecay(initial: number, steps: number, finalFraction: number): (step: number) => number {
  return (step) => {
    const progress = steps > 0 ? Math.min(Math.max(step / steps, 0), 1) : 1;
    return initial * (finalFraction + (1 - finalFraction) * 0.5 * (1 + Math.cos(Math.PI * progress)));
  };
}

/**
 * The schedule with a linear rise from 0 over its first steps. Step 0 has 1 / `steps` of the rate.
 */
export function warmUp(schedule: (step: number) => number, steps: number): (step: number) => number {
  return (step) => schedule(step) * Math.min(1, (step + 1) / Math.max(1, steps));
}
