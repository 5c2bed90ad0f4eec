/**
 * The lattice D4, four whole numbers with an even sum, cut to a box so that its points can be counted: every coordinate is one of
 * 0 .. levels - 1. `levels` is odd, so the middle of the box is a point.
 * Conway & Sloane, "Fast quantizing and decoding algorithms for lattice quantizers and codes", IEEE Trans. Inf. Theory 28 (1982).
 */
export const dimension = 4;

export function pointCount(levels: number): number {
  return (levels ** dimension + 1) / 2;
}

/**
 * The nearest point of the box. Each coordinate is rounded; if the sum is odd then, the one that was rounded the most goes the other way.
 * @param x four numbers, in units of the lattice
 */
export function nearestPoint(x: ArrayLike<number>, levels: number): number[] {
  const point: number[] = [];
  let sum = 0;
  let cheapest = { place: 0, other: 0, cost: Infinity };
  for (let place = 0; place < dimension; place++) {
    const value = x[place]!;
    const near = Math.min(levels - 1, Math.max(0, Math.round(value)));
    // The nearest whole number of the other parity that is in the box.
    const other = (value >= near && near < levels - 1) || near === 0 ? near + 1 : near - 1;
    const cost = (value - other) ** 2 - (value - near) ** 2;
    if (cost < cheapest.cost) cheapest = { place, other, cost };
    point.push(near);
    sum += near;
  }
  if (sum % 2 === 1) point[cheapest.place] = cheapest.other;
  return point;
}

/** A point's number, 0 .. pointCount - 1. Counting through all of the box, every other one is of D4, as `levels` is odd. */
export function codeOf(point: readonly number[], levels: number): number {
  return point.reduce((place, value) => place * levels + value, 0) / 2;
}

/** The inverse of `codeOf`. */
export function pointOf(code: number, levels: number): number[] {
  const point: number[] = [];
  for (let rest = 2 * code; point.length < dimension; rest = Math.floor(rest / levels)) point.unshift(rest % levels);
  return point;
}
