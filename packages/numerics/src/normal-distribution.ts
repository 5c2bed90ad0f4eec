/** The standard normal distribution: density, cumulative distribution, quantiles. */

/**
 * The density at x.
 *
 * @example
 * normalDensity(0).toFixed(4); // => "0.3989"
 */
export function normalDensity(x: number): number {
  return Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
}

/**
 * P(X <= x), to about 1e-15: the power series of Marsaglia ("Evaluating the normal distribution",
 * 2004) near zero and the continued fraction of the Mills ratio in the tails (Abramowitz and Stegun
 * 26.2.14).
 *
 * @example
 * normalCumulative(1.96).toFixed(4); // => "0.9750"
 */
export function normalCumulative(x: number): number {
  if (x < 0) return 1 - upper(x);
  return upper(-x);

  /** P(X <= |x|) for x <= 0. */
  function upper(negative: number): number {
    const a = -negative;
    if (a > 38) return 1;
    if (a < 6) {
      let term = a;
      let sum = a;
      for (let i = 3; Math.abs(term) > 1e-17 * sum; i += 2) sum += term *= (a * a) / i;
      return 0.5 + sum * normalDensity(a);
    }
    let fraction = a;
    for (let i = 60; i > 0; i--) fraction = a + i / fraction;
    return 1 - normalDensity(a) / fraction;
  }
}

/**
 * x with P(X <= x) = p, for p in (0, 1), by bisection.
 *
 * @example
 * normalQuantile(0.975).toFixed(3); // => "1.960"
 */
export function normalQuantile(p: number): number {
  let [low, high] = [-40, 40];
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (normalCumulative(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
