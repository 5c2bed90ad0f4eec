/** Numbers as text. */

/** A fixed number of decimals; a dash for a value that was not measured. */
export function decimals(value: number | null | undefined, digits: number): string {
  return value === null || value === undefined ? "–" : value.toFixed(digits);
}

/** A fraction as "12.3 %". */
export function percent(value: number | null | undefined, digits = 1): string {
  return value === null || value === undefined ? "–" : `${(100 * value).toFixed(digits)} %`;
}

/** Three significant digits; an exponent only below 0.0001 or from a million on. */
export function short(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const magnitude = Math.abs(value);
  if (magnitude < 1e-4 || magnitude >= 1e6) return value.toExponential(2);
  return String(Number(value.toPrecision(3)));
}
