/**
 * k-means per group with exact search: Lloyd's algorithm (IEEE Trans. Information Theory 28, 1982) on data in memory.
 * Data that does not fit is for `stream.ts`.
 */
import { RevqError } from "@revq/core";
import { createYielder } from "../event-loop.js";
import { canMoveCells, searchLayout, type NearestResult, type SearchOptions } from "../nearest-codes.js";
import { createSearchMemory } from "../search-memory.js";
import { groupStarts, requireFinite, requireLength, resolveLayout, toGrouped, type NearestLayout } from "../shape.js";
import { sharedBytes, sharedFloat32, sharedFloat64, sharedInt32 } from "../shared-memory.js";
import type { CellMoves } from "../wasm/task.js";
import { addToCells, createCellSums, moveToMeans, type CellSums } from "./cells.js";
import { initialCodebooks } from "./initialize.js";
import type { KMeansOptions, KMeansResult, KMeansShape } from "./options.js";
import { codebookOf, endPass, endRun, openRun, reviveGroup, type KMeansRun } from "./run.js";

/**
 * Fits codebooks to latents. The same seed gives the same bits, on every engine and with any number of threads.
 * Needs the size of `latents` and 8 bytes a token on top of them.
 *
 * @param latents float32 `[samples, tokens, dim]`, finite
 * @returns codebooks float32 `[groups, codes, dim]` and what was measured
 * @throws RevqError `kmeans-no-samples`, `kmeans-start`, and those of `nearestCodes`; `signal.reason` when aborted
 */
export async function kmeans(latents: Float32Array, shape: KMeansShape, options: KMeansOptions): Promise<KMeansResult> {
  const given = resolveLayout({ ...shape, codes: options.codes });
  const layout: NearestLayout = { ...given, grouped: true };
  const { samples, groups, codes, dim, tokens } = layout;
  const { iterations = 10, measure = true, signal } = options;
  if (samples === 0) throw new RevqError("kmeans-no-samples", "k-means got no samples; at least one is needed.");
  requireLength("latents", latents, [samples, tokens, dim]);
  requireFinite("latents", "latent-not-finite", latents);
  signal?.throwIfAborted();

  const run = openRun(layout, options);
  const data = toGrouped(given, latents, sharedFloat32(latents.length));
  if (!options.start) {
    run.codebooks.set(
      await initialCodebooks(layout, data, options.init ?? "sample", run.random, signal, options.groupNumbers),
    );
  }
  const assigned: NearestResult = {
    indices: sharedInt32(samples * tokens),
    distances: sharedFloat32(samples * tokens),
  };
  const searching: SearchOptions = {
    ...(options.engine ? { engine: options.engine } : {}),
    ...(options.threads ? { threads: options.threads } : {}),
    ...(signal ? { signal } : {}),
    trusted: true,
    out: assigned,
    memory: createSearchMemory(groups, codes),
  };
  let moves = canMoveCells(layout, searching) ? createMoves(layout) : undefined;
  let searched = false;
  const search = async (): Promise<void> => {
    await searchLayout(layout, data, run.codebooks, {
      ...searching,
      ...(moves ? { moves } : {}),
      ...(searched ? { guess: assigned.indices } : {}),
      onProgress: (done, total) =>
        options.onProgress?.({
          iteration: run.iteration,
          iterations,
          done,
          total,
          distortion: run.distortion.at(-1) ?? NaN,
        }),
    });
    searched = true;
  };
  const elements = samples * tokens * dim;

  while (run.iteration < iterations && !run.settled) {
    await search();
    // All groups move together, at the end: an abort in between leaves nothing half done.
    let revived = 0;
    let total: number;
    if (moves) {
      total = sumOf(moves.totals);
      revived = reviveMoved(run, layout, moves);
      const { codebooks } = moves;
      moves = { ...moves, codebooks: run.codebooks };
      run.codebooks = codebooks;
      run.counts = moves.counts;
    } else {
      const next = run.codebooks.slice();
      const pass = await sumCells(layout, data, assigned, signal, (group, cells) => {
        const codebook = codebookOf(next, layout, group);
        moveToMeans(cells, codebook, dim);
        revived += reviveGroup(run, layout, group, codebook, cells);
      });
      run.codebooks.set(next);
      ({ total } = pass);
      run.counts = pass.counts;
    }
    endPass(run, { distortion: total / elements, revived }, options);
  }
  if (!measure) return endRun(run);
  run.counts = run.counts.slice(); // those of the last pass: the search below writes over them
  await search();
  const { counts, total } = moves
    ? { counts: moves.counts.slice(), total: sumOf(moves.totals) }
    : await sumCells(layout, data, assigned, signal, () => {});
  return endRun(run, { counts, distortion: total / elements });
}

function createMoves({ groups, codes, dim }: NearestLayout): CellMoves {
  return {
    codebooks: sharedFloat32(groups * codes * dim),
    counts: sharedFloat64(groups * codes),
    distortions: sharedFloat64(groups * codes),
    moved: sharedBytes(groups * codes),
    totals: sharedFloat64(groups),
    emptyCells: sharedInt32(groups),
  };
}

function reviveMoved(run: KMeansRun, layout: NearestLayout, moves: CellMoves): number {
  const { groups, codes } = layout;
  let revived = 0;
  for (let group = 0; group < groups; group++) {
    if (moves.emptyCells[group] === 0) continue;
    const [first, last] = [group * codes, (group + 1) * codes];
    const cells = { counts: moves.counts.slice(first, last), distortions: moves.distortions.subarray(first, last) };
    revived += reviveGroup(run, layout, group, codebookOf(moves.codebooks, layout, group), cells);
    moves.moved.fill(1, first, last);
  }
  return revived;
}

const sumOf = (numbers: Float64Array): number => numbers.reduce((sum, one) => sum + one, 0);

/** Adds up every cell, group by group; `visit` may change a group's cells. */
async function sumCells(
  layout: NearestLayout,
  data: Float32Array,
  assigned: NearestResult,
  signal: AbortSignal | undefined,
  visit: (group: number, cells: CellSums) => void,
): Promise<{ counts: Float64Array; total: number }> {
  const { groups, codes, dim } = layout;
  const counts = new Float64Array(groups * codes);
  const starts = groupStarts(layout);
  const step = createYielder(signal);
  const rows = 2 ** 20;
  let total = 0;
  for (let group = 0; group < groups; group++) {
    const cells = createCellSums(layout);
    for (let first = starts[group]!; first < starts[group + 1]!; first += rows) {
      await step();
      addToCells(cells, dim, data, assigned, first, Math.min(starts[group + 1]!, first + rows));
    }
    counts.set(cells.counts, group * codes);
    total += sumOf(cells.distortions);
    visit(group, cells);
  }
  return { counts, total };
}
