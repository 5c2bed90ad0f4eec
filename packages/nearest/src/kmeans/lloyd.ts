/**
 * k-means per group with exact search: Lloyd's algorithm (IEEE Trans. Information Theory 28, 1982).
 */
import { RevqError } from "@revq/core";
import { createYielder } from "../event-loop.js";
import { canMoveClusters, searchLayout } from "../nearest-codes.js";
import { createSearchMemory } from "../search-memory.js";
import type { NearestResult, SearchOptions } from "../search-options.js";
import { groupStarts, requireFinite, requireLength, resolveLayout, toGrouped, type NearestLayout } from "../shape.js";
import { sharedBytes, sharedFloat32, sharedFloat64, sharedInt32 } from "../shared-memory.js";
import type { ClusterMoves } from "../wasm/task.js";
import { addToClusters, createClusterSums, moveToMeans, type ClusterSums } from "./clusters.js";
import { initialCodebooks } from "./initialize.js";
import type { KMeansOptions, KMeansResult, KMeansShape } from "./options.js";
import { codebookOf, endPass, endRun, openRun, reviveGroup, type KMeansRun } from "./run.js";

/**
 * Fits codebooks to latents. The same seed gives the same bits, on every engine and with any number
 * of threads. Needs memory for a second copy of `latents` and 8 bytes a token.
 *
 * @param latents float32 `[samples, tokens, dim]`, finite
 * @returns codebooks float32 `[groups, codes, dim]` and what was measured
 * @throws RevqError `kmeans-no-samples`, `kmeans-start`, and those of `nearestCodes`;
 *   `signal.reason` when aborted
 *
 * @example
 * const latents = Float32Array.of(0, 1, 9, 11); // four samples of one token with one element
 * const shape = { samples: 4, groups: 1, dim: 1 };
 * const { codebooks, usage } = await kmeans(latents, shape, { codes: 2, init: "kmeans++" });
 * codebooks.toSorted(); // => [0.5, 10]
 * usage; // => 1
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
  let moves = canMoveClusters(layout, searching) ? createMoves(layout) : undefined;
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

  while (run.iteration < iterations && !run.converged) {
    await search();
    // All groups move together, at the end: an abort in between leaves no group half done.
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
      const pass = await sumClusters(layout, data, assigned, signal, (group, clusters) => {
        const codebook = codebookOf(next, layout, group);
        moveToMeans(clusters, codebook, dim);
        revived += reviveGroup(run, layout, group, codebook, clusters);
      });
      run.codebooks.set(next);
      ({ total } = pass);
      run.counts = pass.counts;
    }
    endPass(run, { distortion: total / elements, revived }, options);
  }
  if (!measure) return endRun(run);
  run.counts = run.counts.slice(); // of the last pass: the search below overwrites them
  await search();
  const { counts, total } = moves
    ? { counts: moves.counts.slice(), total: sumOf(moves.totals) }
    : await sumClusters(layout, data, assigned, signal, () => {});
  return endRun(run, { counts, distortion: total / elements });
}

function createMoves({ groups, codes, dim }: NearestLayout): ClusterMoves {
  return {
    codebooks: sharedFloat32(groups * codes * dim),
    counts: sharedFloat64(groups * codes),
    distortions: sharedFloat64(groups * codes),
    moved: sharedBytes(groups * codes),
    totals: sharedFloat64(groups),
    emptyClusters: sharedInt32(groups),
  };
}

function reviveMoved(run: KMeansRun, layout: NearestLayout, moves: ClusterMoves): number {
  const { groups, codes } = layout;
  let revived = 0;
  for (let group = 0; group < groups; group++) {
    if (moves.emptyClusters[group] === 0) continue;
    const [first, last] = [group * codes, (group + 1) * codes];
    const clusters = { counts: moves.counts.slice(first, last), distortions: moves.distortions.subarray(first, last) };
    revived += reviveGroup(run, layout, group, codebookOf(moves.codebooks, layout, group), clusters);
    moves.moved.fill(1, first, last);
  }
  return revived;
}

const sumOf = (values: Float64Array): number => values.reduce((sum, one) => sum + one, 0);

/** Sums every cluster, group by group. `visit` may change the sums of its group. */
async function sumClusters(
  layout: NearestLayout,
  data: Float32Array,
  assigned: NearestResult,
  signal: AbortSignal | undefined,
  visit: (group: number, clusters: ClusterSums) => void,
): Promise<{ counts: Float64Array; total: number }> {
  const { groups, codes, dim } = layout;
  const counts = new Float64Array(groups * codes);
  const starts = groupStarts(layout);
  const step = createYielder(signal);
  const rows = 2 ** 20;
  let total = 0;
  for (let group = 0; group < groups; group++) {
    const clusters = createClusterSums(layout);
    for (let first = starts[group]!; first < starts[group + 1]!; first += rows) {
      await step();
      addToClusters(clusters, dim, data, assigned, first, Math.min(starts[group + 1]!, first + rows));
    }
    counts.set(clusters.counts, group * codes);
    total += sumOf(clusters.distortions);
    visit(group, clusters);
  }
  return { counts, total };
}
