/**
 * Where tokens lie on the latent map. Vectors that cover equal, aligned rectangles of positions make a
 * grid of cells; several vectors, or several stages of one, may share a cell. Plain arithmetic on the
 * split and the blocks of the transform: nothing learned moves a token to another cell.
 */
import {
  latentSize,
  tokenDimension,
  tokenOrder,
  type LatentCut,
  type LatentShape,
  type TokenLayout,
  type TransformLayout,
} from "@revq/core";

export interface TokenGrid {
  /** `[rows, columns, depth]`: cells of the map, and tokens of a cell. Their product is T. */
  readonly shape: [rows: number, columns: number, depth: number];
  /** Positions of the latent that a cell covers. */
  readonly patch: [rows: number, columns: number];
  /**
   * The axes in token order, slowest first, such as `channel, row, column`. Axes of size 1 are left
   * out. Null where no such list says it: `positions` always does.
   */
  readonly order: string | null;
  /**
   * Where each token lies in the grid, `[T]`: the index in `[rows, columns, depth]`, flat. A permutation
   * of 0 … T - 1.
   */
  readonly positions: number[];
}

/** A rectangle of positions. */
interface Footprint {
  readonly top: number;
  readonly left: number;
  readonly rows: number;
  readonly columns: number;
}

/**
 * The grid of a tokenizer's tokens. Null if the quantizer does not tell how it cuts latents, and if
 * tokens do not make a grid, as strips that run over the ends of rows.
 *
 * @example
 * import { sharedTokenLayout } from "@revq/core";
 * const shape = { channels: 2, height: 2, width: 4 };
 * const none = { block: [2, 4], blocks: 1, decorrelated: false } as const;
 * const { shape: grid, patch, order, positions } = tokenGrid(sharedTokenLayout(4, 8, "block"), shape, none)!;
 * [grid, patch, order]; // => [[1, 2, 2], [2, 2], "channel, column"]
 * positions; // => [0, 2, 1, 3]
 */
export function tokenGrid(layout: TokenLayout, shape: LatentShape, transform: TransformLayout): TokenGrid | null {
  const { count, cut } = layout;
  if (!cut) return null;
  const vectors = count / cut.stages;
  const footprints = footprintsOf(cut, vectors, shape, transform);
  const patch = footprints && commonPatch(footprints);
  if (!patch) return null;
  const [rows, columns] = [shape.height / patch[0], shape.width / patch[1]];
  const parts = vectors / (rows * columns);
  const filled = new Int32Array(rows * columns);
  const places = footprints.map(({ top, left }) => {
    const [row, column] = [top / patch[0], left / patch[1]];
    return { row, column, part: filled[row * columns + column]!++ };
  });
  if (filled.some((vectorsOfCell) => vectorsOfCell !== parts)) return null;
  const { stages } = cut;
  const positions = Array.from({ length: count }, (_, token) => {
    const { row, column, part } = places[Math.floor(token / stages)]!;
    return ((row * columns + column) * parts + part) * stages + (token % stages);
  });
  const sizes = { row: rows, column: columns, part: parts };
  const order = orderInWords(places, sizes, nameOfParts(cut, parts, shape, transform), stages);
  return { shape: [rows, columns, parts * stages], patch, order, positions };
}

/** Of every vector. Undefined when one covers no whole rectangle. */
function footprintsOf(
  { split }: LatentCut,
  vectors: number,
  shape: LatentShape,
  { block, blocks, decorrelated }: TransformLayout,
): Footprint[] | undefined {
  const { channels, width } = shape;
  // A coefficient of a decorrelating transform belongs to all positions of its block.
  const [rows, columns] = split === "eigenvalue" || decorrelated ? block : [1, 1];
  const across = width / columns;
  const rectangle = (first: number, down: number, wide: number): Footprint => ({
    top: Math.floor(first / across) * rows,
    left: (first % across) * columns,
    rows: down * rows,
    columns: wide * columns,
  });
  if (split === "eigenvalue") {
    if (vectors % blocks !== 0) return undefined;
    return Array.from({ length: vectors }, (_, v) => rectangle(Math.floor(v / (vectors / blocks)), 1, 1));
  }
  const order = tokenOrder(shape, vectors, split);
  const dim = tokenDimension(shape, vectors);
  const unitOf = (element: number): number => {
    const position = Math.floor(element / channels);
    return Math.floor(Math.floor(position / width) / rows) * across + Math.floor((position % width) / columns);
  };
  const found: Footprint[] = [];
  for (let first = 0; first < latentSize(shape); first += dim) {
    const units = new Set<number>();
    for (const element of order.subarray(first, first + dim)) units.add(unitOf(element));
    const down = extent(units, (unit) => Math.floor(unit / across));
    const wide = extent(units, (unit) => unit % across);
    if (down.size * wide.size !== units.size) return undefined;
    found.push(rectangle(down.first * across + wide.first, down.size, wide.size));
  }
  return found;
}

/** First and number of the rows, or columns, that units span. */
function extent(units: Iterable<number>, of: (unit: number) => number): { first: number; size: number } {
  const values = Array.from(units, of);
  const first = Math.min(...values);
  return { first, size: Math.max(...values) - first + 1 };
}

/** The size that all have, if each lies at a multiple of it. */
function commonPatch(footprints: readonly Footprint[]): [number, number] | undefined {
  const { rows, columns } = footprints[0]!;
  const fits = footprints.every(
    (each) => each.rows === rows && each.columns === columns && each.top % rows === 0 && each.left % columns === 0,
  );
  return fits ? [rows, columns] : undefined;
}

/** What the vectors of one cell are. */
function nameOfParts(
  { split }: LatentCut,
  parts: number,
  { channels }: LatentShape,
  { decorrelated }: TransformLayout,
): string {
  if (split === "eigenvalue") return "component";
  return parts === channels && !decorrelated ? "channel" : "part";
}

type Axis = "row" | "column" | "part";
type Place = Readonly<Record<Axis, number>>;

/** The axes, slowest first, if vectors count through them; null if they do not. */
function orderInWords(
  places: readonly Place[],
  sizes: Readonly<Record<Axis, number>>,
  part: string,
  stages: number,
): string | null {
  const axes = (["row", "column", "part"] as const).filter((axis) => sizes[axis] > 1);
  const counted = permutations(axes).find((candidate) =>
    places.every((place, vector) => candidate.reduce((index, axis) => index * sizes[axis] + place[axis], 0) === vector),
  );
  if (!counted) return null;
  const words = [...counted.map((axis) => (axis === "part" ? part : axis)), ...(stages > 1 ? ["stage"] : [])];
  return words.join(", ") || "one token";
}

function permutations<T>(values: readonly T[]): T[][] {
  if (values.length === 0) return [[]];
  return values.flatMap((value, i) => permutations(values.toSpliced(i, 1)).map((rest) => [value, ...rest]));
}
