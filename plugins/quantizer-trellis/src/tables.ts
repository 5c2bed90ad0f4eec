/**
 * What branches of the trellis say. The state is the last 8 bits that moved it, the window of a step is
 * the state before it and its own bit: 512 windows. A window has 2^(bits - 1) parallel branches, each a
 * vector.
 *
 * The first tables are those of trellis-coded quantization (Marcellin and Fischer, "Trellis coded
 * quantization of memoryless and Gauss-Markov sources", IEEE Trans. Commun. 38(1), 1990): an alphabet of
 * twice the codes, cut into 4 subsets, and Ungerboeck's code of 256 states (IEEE Trans. Inf. Theory 28(1), 1982,
 * table I) says which subset a window has. Training then moves every branch by itself. Where there are many,
 * windows share them: the search measures them once.
 */
import type { Random } from "@revq/core";
import { normalCumulative, normalDensity, normalQuantile } from "@revq/numerics";
import { rateClasses, type RateClass } from "./rates.js";

export const states = 256;
export const windows = 2 * states;

/** Parity checks h0 and h1 of Ungerboeck's code. */
const checks = [0o515, 0o362] as const;

/** Windows that share a column have the same last 3 bits. */
const sameEnds = 8;
const sharedColumns = 4 * sameEnds;

const subsets = Uint8Array.from(
  { length: windows },
  (_, window) => 2 * parity(window & checks[0]) + parity(window & checks[1]),
);

/** The subset of a window, 0 to 3. */
export const subsetOf = (window: number): number => subsets[window]!;

/** Parallel branches of a window. */
export const branchesOf = ({ bits }: RateClass): number => 2 ** (bits - 1);

/** Columns of a table. Where there are many branches, windows of one subset that end alike share a column. */
export const columnsOf = (each: RateClass): number => (branchesOf(each) > 4 ? sharedColumns : windows);

/** The column of a window where windows share them: the subset, then the last bits. */
export const sharedColumn = (window: number): number => subsetOf(window) * sameEnds + (window % sameEnds);

export const columnOf = (each: RateClass, window: number): number =>
  columnsOf(each) === windows ? window : sharedColumn(window);

/** Where an element of a branch lies in the tables. */
export function entryOf(index: number, window: number, branch: number, element: number): number {
  const each = rateClasses[index]!;
  return tableOffsets[index]! + (branch * each.vector + element) * columnsOf(each) + columnOf(each, window);
}

/** Where the table of each class begins; its entries are `[branch, element, column]`. */
export const tableOffsets: readonly number[] = rateClasses.map((_, index) =>
  rateClasses.slice(0, index).reduce((sum, each) => sum + sizeOf(each), 0),
);
export const tableSize = rateClasses.reduce((sum, each) => sum + sizeOf(each), 0);

/** @returns float32 `[tableSize]` */
export function firstTables(random: Random): Float32Array {
  const tables = new Float32Array(tableSize);
  for (const [index, each] of rateClasses.entries()) {
    const branches = branchesOf(each);
    for (let window = 0; window < windows; window++) {
      for (let branch = 0; branch < branches; branch++) {
        const vector = firstVector(each, subsetOf(window), branch, random);
        for (const [element, value] of vector.entries()) tables[entryOf(index, window, branch, element)] = value;
      }
    }
  }
  return tables;
}

/** One coefficient: every fourth level. Two: every other level of both. Four: nothing has structure at 1/4 bit. */
function firstVector({ vector, bits }: RateClass, subset: number, branch: number, random: Random): number[] {
  if (vector === 4) return Array.from({ length: 4 }, () => random.normal() * 0.5);
  if (vector === 1) return [levels(2 ** (bits + 1))[4 * branch + subset]!];
  const side = 2 ** ((bits + 1) / 2);
  const [row, column] = [subset >> 1, (subset >> 1) ^ (subset & 1)];
  const half = side / 2;
  return [levels(side)[2 * Math.floor(branch / half) + row]!, levels(side)[2 * (branch % half) + column]!];
}

const known = new Map<number, Float64Array>();

/** The Lloyd-Max levels of a unit Gaussian, ascending. */
function levels(count: number): Float64Array {
  const found = known.get(count);
  if (found) return found;
  // The optimal density of many levels is that of a Gaussian of variance 3 (Panter and Dite 1951).
  const values = Float64Array.from({ length: count }, (_, i) => Math.sqrt(3) * normalQuantile((i + 0.5) / count));
  for (let pass = 0; pass < 200; pass++) {
    const edges = Array.from(values, (value, i) => (i === 0 ? -Infinity : (values[i - 1]! + value) / 2)).concat(
      Infinity,
    );
    for (let i = 0; i < count; i++) {
      const [low, high] = [edges[i]!, edges[i + 1]!];
      const mass = cumulative(high) - cumulative(low);
      if (mass > 0) values[i] = (density(low) - density(high)) / mass;
    }
  }
  known.set(count, values);
  return values;
}

const cumulative = (x: number): number => (x === Infinity ? 1 : x === -Infinity ? 0 : normalCumulative(x));
const density = (x: number): number => (Number.isFinite(x) ? normalDensity(x) : 0);

function sizeOf(each: RateClass): number {
  return branchesOf(each) * each.vector * columnsOf(each);
}

function parity(value: number): number {
  let odd = 0;
  for (let rest = value; rest > 0; rest >>= 1) odd ^= rest & 1;
  return odd;
}
