/** Colour scales of the canvases. Values are in [0, 1] and clamped. */

type Rgb = readonly [red: number, green: number, blue: number];

/**
 * Black through purple and orange to pale yellow: the stops of matplotlib's inferno, by Nathaniel
 * Smith and Stefan van der Walt, CC0.
 */
const inferno: readonly Rgb[] = [
  [0, 0, 4],
  [31, 12, 72],
  [85, 15, 109],
  [136, 34, 106],
  [186, 54, 85],
  [227, 89, 51],
  [249, 140, 10],
  [249, 201, 50],
  [252, 255, 164],
];

export function heat(value: number): Rgb {
  const position = Math.min(1, Math.max(0, value)) * (inferno.length - 1);
  const index = Math.min(inferno.length - 2, Math.floor(position));
  const part = position - index;
  const [a, b] = [inferno[index]!, inferno[index + 1]!];
  return [a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part, a[2] + (b[2] - a[2]) * part];
}

/** A colour for a code: equal codes look alike, neighbours in number do not. */
export function codeColour(code: number): string {
  const hue = (code * 137.508) % 360; // the golden angle: the hues of few codes are far apart
  const lightness = [62, 50, 72][code % 3]!;
  return `hsl(${hue.toFixed(1)} 52% ${lightness}%)`;
}

/** One hue from nearly the background to full strength; `colour` is a CSS colour. */
export function strength(colour: string, value: number): string {
  return `color-mix(in srgb, ${colour} ${(8 + 92 * Math.min(1, Math.max(0, value))).toFixed(1)}%, transparent)`;
}
