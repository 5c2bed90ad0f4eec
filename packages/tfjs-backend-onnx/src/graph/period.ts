/** Finds the period of a loop in a list of operators. */

/**
 * The length p of the shortest sequence that ends the list twice in a row (`...abcabc` -> 3). 0 if
 * there is none, or if its repetitions are less than half of the list. Linear time: the failure
 * function of Knuth, Morris and Pratt on the reversed list.
 */
export function repeatedTail(items: readonly string[]): number {
  const reversed = [...items].reverse();
  const failure = new Int32Array(reversed.length);
  let best = 0;
  for (let index = 1, matched = 0; index < reversed.length; index++) {
    while (matched > 0 && reversed[index] !== reversed[matched]) matched = failure[matched - 1]!;
    if (reversed[index] === reversed[matched]) matched++;
    failure[index] = matched;
    const period = index + 1 - matched;
    // The longest tail of at least two whole rounds, if it is half of the list or more.
    if (matched >= period && 2 * (index + 1) >= reversed.length) best = period;
  }
  return best;
}
