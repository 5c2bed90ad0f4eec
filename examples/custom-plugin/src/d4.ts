/**
 * The lattice D4: four whole numbers with an even sum. It is cut to a box so that its points can be
 * counted: every coordinate is one of 0 .. levels - 1. `levels` is odd, so the middle of the box is
 * a point. Conway and Sloane, "Fast quantizing and decoding algorithms for lattice quantizers and
 * codes", 1982.
 */
export const dimension = 4;

export function pointCount(levels: number): number {
  return (levels ** dimension + 1) / 2;
}

/**
 * The nearest point of the box. Every coordinate is rounded. If the sum is then odd, the coordinate
 * for which it costs least is rounded the other way.
 * @param x four numbers, in units of the lattice
 */
export function nearestPoint(x: readonly number[], levels: number): number[] {
  let cheapest = { i: 0, other: 0, cost: Infinity };
  const point = x.map((value, i) => {
    const near = Math.min(levels - 1, Math.max(0, Math.round(value)));
    // The nearest whole number of the other parity inside the box.
    const other = (value >= near && near < levels - 1) || near === 0 ? near + 1 : near - 1;
    const cost = (value - other) ** 2 - (value - near) ** 2;
    if (cost < cheapest.cost) cheapest = { i, other, cost };
    return near;
  });
  if (point.reduce((sum, value) => sum + value) % 2 === 1) point[cheapest.i] = cheapest.other;
  return point;
}

/**
 * The id of a point, 0 .. pointCount - 1. Every other point of the box is one of D4, because
 * `levels` is odd.
 */
export function idOf(point: readonly number[], levels: number): number {
  return point.reduce((index, value) => index * levels + value, 0) / 2;
}

/** The inverse of `idOf`. */
export function pointOf(id: number, levels: number): number[] {
  const point: number[] = [];
  for (let rest = 2 * id; point.length < dimension; rest = Math.floor(rest / levels)) point.unshift(rest % levels);
  return point;
}
