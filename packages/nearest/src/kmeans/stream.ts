/**
 * k-means on data that does not fit in memory: batches come from a reader. Either whole passes (`pass`: exactly Lloyd's
 * algorithm, summed over the batches) or mini-batches that move the codes as they come (`batch`: Sculley, WWW 2010).
 */
import { RevqError } from "@revq/core";
import { searchLayout } from "../nearest-codes.js";
import { createSearchMemory } from "../search-memory.js";
import { groupStarts, requireFinite, requireLength, resolveLayout, toGrouped, type NearestLayout } from "../shape.js";
import { sharedFloat32, sharedInt32 } from "../shared-memory.js";
import { addToCells, createCellSums, moveToMeans, type CellSums } from "./cells.js";
import { initialCodebooks } from "./initialize.js";
import type { KMeansOptions, KMeansResult, KMeansShape } from "./options.js";
import { codebookOf, endPass, endRun, openRun, reviveGroup, type KMeansRun } from "./run.js";

/** Yields float32 `[samples, tokens, dim]` batches, of any number of samples each. Called once a pass; the same data every time. */
export type LatentBatches = (pass: number) => AsyncIterable<Float32Array> | Iterable<Float32Array>;

export interface KMeansStreamOptions extends KMeansOptions {
  /** Default `pass`. */
  readonly update?: "pass" | "batch";
  /** Mini-batch mode: a code is a mean over its latents as if there had been at most so many; default Infinity (a plain mean). */
  readonly memory?: number;
}

/**
 * As `kmeans`, over batches. Memory: two copies of a batch, the codebooks, and float64 sums of their size.
 * The first codes come from the first batches, as many as it takes to have `codes` latents a group.
 *
 * @throws RevqError as `kmeans`; `signal.reason` when aborted
 */
export async function kmeansStream(
  batches: LatentBatches,
  shape: Omit<KMeansShape, "samples">,
  options: KMeansStreamOptions,
): Promise<KMeansResult> {
  const layout = resolveLayout({ ...shape, samples: 1, codes: options.codes });
  const { groups, codes, dim } = layout;
  const { iterations = 10, measure = true, update = "pass", memory = Infinity } = options;
  const searchMemory = createSearchMemory(groups, codes);
  const run = openRun(layout, options);
  if (!options.start) run.codebooks.set(await firstCodebooks(batches, layout, run, options));

  /** Searches every batch; `learn` sees the cells of each. Returns the cells of all, by group, and the mean squared error. */
  async function searchAll(
    learn: (group: number, cells: CellSums) => void,
  ): Promise<{ cells: CellSums[]; distortion: number }> {
    const cells = Array.from({ length: groups }, () => createCellSums(layout));
    let elements = 0;
    for await (const batch of batches(run.iteration)) {
      options.signal?.throwIfAborted();
      const given: NearestLayout = { ...layout, samples: countSamples(batch, layout) };
      const data = toGrouped(given, batch, sharedFloat32(batch.length));
      const found = await searchLayout({ ...given, grouped: true }, data, run.codebooks, {
        ...(options.engine ? { engine: options.engine } : {}),
        ...(options.threads ? { threads: options.threads } : {}),
        ...(options.signal ? { signal: options.signal } : {}),
        trusted: true,
        memory: searchMemory,
        out: { indices: sharedInt32(batch.length / dim), distances: sharedFloat32(batch.length / dim) },
      });
      const starts = groupStarts(given);
      for (let group = 0; group < groups; group++) {
        addToCells(cells[group]!, dim, data, found, starts[group]!, starts[group + 1]!);
        if (update !== "batch") continue;
        const own = createCellSums(layout);
        addToCells(own, dim, data, found, starts[group]!, starts[group + 1]!);
        learn(group, own);
      }
      elements += batch.length;
      const distortion = run.distortion.at(-1) ?? NaN;
      options.onProgress?.({ iteration: run.iteration, iterations, done: elements / dim, total: 0, distortion });
    }
    if (elements === 0) throw noSamples();
    let total = 0;
    for (const { distortions } of cells) total += distortions.reduce((sum, one) => sum + one, 0);
    return { cells, distortion: total / elements };
  }

  /** Moves every code that was hit towards its cell's mean, with weight hits / (hits so far). */
  function blend(group: number, { counts, sums }: CellSums): void {
    const codebook = codebookOf(run.codebooks, layout, group);
    for (let code = 0; code < codes; code++) {
      const hits = counts[code]!;
      if (hits === 0) continue;
      const past = Math.min(run.counts[group * codes + code]!, memory);
      run.counts[group * codes + code] = past + hits;
      for (let i = code * dim; i < (code + 1) * dim; i++)
        codebook[i] = (codebook[i]! * past + sums[i]!) / (past + hits);
    }
  }

  const countsOf = (cells: readonly CellSums[]): Float64Array => {
    const counts = new Float64Array(groups * codes);
    cells.forEach((own, group) => counts.set(own.counts, group * codes));
    return counts;
  };

  while (run.iteration < iterations && !run.settled) {
    const { cells, distortion } = await searchAll(blend);
    const hits = countsOf(cells);
    if (update === "pass") run.counts = hits;
    let revived = 0;
    cells.forEach((own, group) => {
      const codebook = codebookOf(run.codebooks, layout, group);
      if (update === "pass") moveToMeans(own, codebook, dim);
      revived += reviveGroup(run, layout, group, codebook, own);
    });
    // A revived code starts its mean anew.
    if (update === "batch") hits.forEach((count, cell) => count === 0 && (run.counts[cell] = 0));
    endPass(run, { distortion, revived }, options);
  }
  if (!measure) return endRun(run);
  const { cells, distortion } = await searchAll(() => {});
  return endRun(run, { counts: countsOf(cells), distortion });
}

async function firstCodebooks(
  batches: LatentBatches,
  layout: NearestLayout,
  run: KMeansRun,
  { init = "sample", signal, groupNumbers }: KMeansOptions,
): Promise<Float32Array> {
  const fewest = Math.max(1, Math.min(...layout.tokensOf.map((list) => list.length || Infinity)));
  const wanted = Math.ceil(layout.codes / fewest);
  const parts: Float32Array[] = [];
  let samples = 0;
  for await (const batch of batches(0)) {
    signal?.throwIfAborted();
    samples += countSamples(batch, layout);
    parts.push(batch.slice());
    if (samples >= wanted) break;
  }
  if (samples === 0) throw noSamples();
  const latents = new Float32Array(samples * layout.tokens * layout.dim);
  let offset = 0;
  for (const part of parts) {
    latents.set(part, offset);
    offset += part.length;
  }
  return initialCodebooks({ ...layout, samples }, latents, init, run.random, signal, groupNumbers);
}

/** Checks a batch and tells how many samples it has. */
function countSamples(batch: Float32Array, { tokens, dim }: NearestLayout): number {
  const samples = Math.floor(batch.length / (tokens * dim));
  requireLength("batch", batch, [samples, tokens, dim]);
  requireFinite("batch", "latent-not-finite", batch);
  return samples;
}

function noSamples(): RevqError {
  return new RevqError("kmeans-no-samples", "k-means got no samples; at least one is needed.");
}
