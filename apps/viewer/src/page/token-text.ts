/** Tokens and codes in words. */

/** "channel 3, rows 2 to 3, columns 8 to 11" */
export function actsOn(places: Int32Array, [, h, w]: readonly [number, number, number]): string {
  if (places.length === 0) return "It decides nothing: its codebook has one code, or equal ones.";
  const span = (values: readonly number[]): string => {
    const [least, most] = [Math.min(...values), Math.max(...values)];
    return least === most ? `${least}` : `${least}–${most}`;
  };
  const list = [...places];
  const channels = span(list.map((place) => Math.floor(place / (h * w))));
  const rows = span(list.map((place) => Math.floor((place % (h * w)) / w)));
  const columns = span(list.map((place) => place % w));
  return `Decides ${places.length} numbers: channel ${channels}, row ${rows}, column ${columns}.`;
}

const shownNumbers = 16;

/** The vector's first numbers. */
export function vectorText(values: Float32Array): string {
  const numbers = Array.from(values.subarray(0, shownNumbers), (value) => value.toFixed(2));
  return numbers.join("  ") + (values.length > shownNumbers ? " …" : "");
}
