/** Learning rates as functions of time: pure, so a resumed run needs no state for them. */

/**
 * The authors' schedule: the rate of epoch `epoch`, counted from 0, falls by the same factor after every epoch, to
 * `finalFraction` of the initial one after `epochs` of them (PyTorch's `ExponentialLR` with gamma = finalFraction^(1 / epochs)).
 */
export function exponentialDecay(initial: number, epochs: number, finalFraction = 0.05): (epoch: number) => number {
  const factor = finalFraction ** (1 / epochs);
  return (epoch) => initial * factor ** epoch;
}

/**
 * Half a cosine from `initial` at step 0 down to `finalFraction` of it at step `steps`, and flat from there (SGDR without
 * restarts, arXiv 1608.03983).
 */
export function cosineDecay(initial: number, steps: number, finalFraction = 0): (step: number) => number {
  return (step) => {
    const progress = steps > 0 ? Math.min(Math.max(step / steps, 0), 1) : 1;
    return initial * (finalFraction + (1 - finalFraction) * 0.5 * (1 + Math.cos(Math.PI * progress)));
  };
}

/** The schedule, raised linearly from 0 over its first steps. Step 0 takes the first of `steps` equal parts. */
export function warmUp(schedule: (step: number) => number, steps: number): (step: number) => number {
  return (step) => schedule(step) * Math.min(1, (step + 1) / Math.max(1, steps));
}
