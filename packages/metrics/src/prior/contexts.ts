/**
 * What a small prior knows when it predicts a token. Order 0: the token's group, its depth in the grid,
 * its place in the sequence. Order 1: group or depth, and the code of one neighbour. Order 2:
 * two neighbours. Neighbours come earlier in token order. With a token grid they are the token before in
 * the cell, the one to the left and the one above, at the same depth; else the two before in the sequence.
 */
import type { TokenLayout } from "@revq/core";

/** The token grid, as `@revq/tokenizer` makes it. */
export interface PriorGrid {
  /** `[rows, columns, depth]` */
  readonly shape: readonly [rows: number, columns: number, depth: number];
  /** `[T]`: the index of each token in the grid, flat. */
  readonly positions: ArrayLike<number>;
}

/** One kind of context. */
export interface ContextKind {
  /** `[T]`: tokens of one class share counts. */
  readonly classOf: Int32Array;
  /** None, one or two, each `[T]`: an earlier token, or -1. */
  readonly neighbours: readonly Int32Array[];
}

/** The kinds from the most general to the most special. */
export function contextKinds(
  { count, groupOf }: Pick<TokenLayout, "count" | "groupOf">,
  grid: PriorGrid | null,
): ContextKind[] {
  const neighbours = neighboursOf(count, grid);
  const depth = grid?.shape[2] ?? 1;
  const atDepth = groupOf.map((group, token) => group * depth + (grid ? grid.positions[token]! % depth : 0));
  const shared = distinctClasses([groupOf, atDepth]);
  const places = distinctClasses([...shared, Int32Array.from(groupOf.keys())]);
  const pairs = neighbours.flatMap((first, i) => neighbours.slice(i + 1).map((second) => [first, second]));
  return [
    ...places.map((classOf) => ({ classOf, neighbours: [] })),
    ...shared.flatMap((classOf) => neighbours.map((near) => ({ classOf, neighbours: [near] }))),
    ...pairs.map((both) => ({ classOf: shared.at(-1)!, neighbours: both })),
  ];
}

/** Steps back in rows, columns and depth. */
type Step = readonly [rows: number, columns: number, depth: number];
const steps: readonly Step[] = [
  [0, 0, 1],
  [0, 1, 0],
  [1, 0, 0],
];
/** For grids that are a line. */
const farSteps = steps.map(([rows, columns, depth]): Step => [2 * rows, 2 * columns, 2 * depth]);

/** Two or three kinds of neighbours, fewer for a token or two: `[T]` each, an earlier token or -1. */
function neighboursOf(tokens: number, grid: PriorGrid | null): Int32Array[] {
  const { shape, positions } = grid ?? sequence(tokens);
  const [, columns, depth] = shape;
  const tokenAt = new Int32Array(tokens);
  for (let token = 0; token < tokens; token++) tokenAt[positions[token]!] = token;
  const stepped = ([up, left, back]: Step): Int32Array =>
    Int32Array.from({ length: tokens }, (_, token) => {
      const position = positions[token]!;
      const [cell, level] = [Math.floor(position / depth), position % depth];
      const [row, column] = [Math.floor(cell / columns), cell % columns];
      if (row < up || column < left || level < back) return -1;
      const near = tokenAt[((row - up) * columns + column - left) * depth + level - back]!;
      return near < token ? near : -1; // an autoregressive model has seen earlier tokens only
    });
  const exists = (neighbours: Int32Array): boolean => neighbours.some((near) => near !== -1);
  const found = steps.map(stepped).filter(exists);
  return found.length > 1 ? found : [...found, ...farSteps.map(stepped).filter(exists)];
}

function sequence(tokens: number): PriorGrid {
  return { shape: [1, 1, tokens], positions: Array.from({ length: tokens }, (_, token) => token) };
}

/** Leaves out partitions of the tokens that are there already. */
function distinctClasses(given: readonly Int32Array[]): Int32Array[] {
  const known = new Map<string, Int32Array>();
  for (const classes of given) {
    const numbers = new Map<number, number>();
    const key = classes.map((each) => numbers.get(each) ?? (numbers.set(each, numbers.size), numbers.size - 1)).join();
    if (!known.has(key)) known.set(key, classes);
  }
  return [...known.values()];
}
