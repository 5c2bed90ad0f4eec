/**
 * Training of the branches on coefficients, as k-means trains codes: find the best paths, move every
 * branch to the mean of what it told, again. First all windows of a subset move as one, then each window by itself.
 */
import type { FitContext, FitReport } from "@revq/core";
import type { Coder } from "./coder.js";
import { rateClasses, type RateClass } from "./rates.js";
import { branchesOf, columnOf, columnsOf, entryOf, subsetOf, tableOffsets, windows } from "./tables.js";

/** Passes in which the windows of a subset move as one. */
const tiedPasses = 4;
/** What a branch told before counts as so many samples. */
const prior = 2;

/**
 * @param coder holds the tables, which are trained in place
 * @param coefficients `[n, elements]`
 */
export function fitTables(
  coder: Coder,
  coefficients: Float32Array,
  passes: number,
  { report, signal }: Pick<FitContext, "report" | "signal">,
): FitReport {
  const { path, tables } = coder;
  const elements = path.order.length;
  const n = coefficients.length / elements;
  const reports: { mse: number; usage: number }[] = [];
  const sums = new Float64Array(tables.length);
  const counts = new Uint32Array(tables.length);
  for (let pass = 0; pass <= passes; pass++) {
    sums.fill(0);
    counts.fill(0);
    const used = new Set<number>();
    let squares = 0;
    for (let image = 0; image < n; image++) {
      signal.throwIfAborted();
      const { values, found, ids } = coder.encode(coefficients.subarray(image * elements, (image + 1) * elements));
      squares += coder.squaredError();
      for (const id of ids) used.add(id);
      collect(coder, values, found, sums, counts);
      report({ phase: "fit trellis", done: pass * n + image + 1, total: (passes + 1) * n });
    }
    reports.push({ mse: squares / coefficients.length, usage: used.size / coder.codes });
    if (pass === passes) break;
    if (pass < tiedPasses) tie(sums, counts);
    for (let entry = 0; entry < tables.length; entry++)
      tables[entry] = (sums[entry]! + prior * tables[entry]!) / (counts[entry]! + prior);
    coder.reload();
  }
  return { passes: reports };
}

/** Adds what every branch of a path told. */
function collect(
  { path }: Coder,
  values: Float32Array,
  found: Int32Array,
  sums: Float64Array,
  counts: Uint32Array,
): void {
  for (let step = 0; step < path.steps; step++) {
    const index = path.classOf[step]!;
    const { vector } = rateClasses[index]!;
    const [window, branch] = [found[step]! % windows, Math.floor(found[step]! / windows)];
    for (let i = 0; i < vector; i++) {
      const entry = entryOf(index, window, branch, i);
      sums[entry]! += values[path.firstOf[step]! + i]!;
      counts[entry]! += 1;
    }
  }
}

/** Gives every window of a subset what the subset has; blocks of one step have no structure to keep. */
function tie(sums: Float64Array, counts: Uint32Array): void {
  for (const [index, each] of rateClasses.entries()) {
    if (each.vector === 4) continue;
    const subsets = subsetsOfColumns(each);
    for (let row = 0; row < branchesOf(each) * each.vector; row++) {
      const first = tableOffsets[index]! + row * subsets.length;
      const [sum, count] = [new Float64Array(4), new Uint32Array(4)];
      for (const [column, subset] of subsets.entries()) {
        sum[subset]! += sums[first + column]!;
        count[subset]! += counts[first + column]!;
      }
      for (const [column, subset] of subsets.entries()) {
        sums[first + column] = sum[subset]!;
        counts[first + column] = count[subset]!;
      }
    }
  }
}

/** The subset of the windows of each column. */
function subsetsOfColumns(each: RateClass): Uint8Array {
  const subsets = new Uint8Array(columnsOf(each));
  for (let window = 0; window < windows; window++) subsets[columnOf(each, window)] = subsetOf(window);
  return subsets;
}
