/**
 * k-means per group with exact search: Lloyd's algorithm (IEEE Trans. Information Theory 28, 1982) on data in memory.
 * Data that does not fit is for `stream.ts`.
 */
import { RevqError, createRandom, type Random } from "@revq/core";
import { createYielder } from "../event-loop.js";
import { nearestCodes, type NearestResult } from "../nearest-codes.js";
import { createSearchMemory } from "../search-memory.js";
import { isShared, sharedFloat32, sharedInt32 } from "../shared-memory.js";
import { requireFinite, requireLength, resolveLayout, type NearestLayout } from "../shape.js";
import { addToCells, createCellSums, groupsPerBlock, type CellSums } from "./cells.js";
import { initialCodebooks } from "./initialize.js";
import type { KMeansOptions, KMeansResult, KMeansShape, KMeansState } from "./options.js";
import { reviveEmptyCells } from "./revive.js";

/**
 * Fits codebooks to latents. The same seed gives the same bits, on every engine and with any number of threads.
 *
 * @param latents float32 `[samples, tokens, dim]`, finite
 * @returns codebooks float32 `[groups, codes, dim]` and what was measured
 * @throws RevqError `kmeans-no-samples`, `kmeans-start`, and those of `nearestCodes`; `signal.reason` when aborted
 */
export async function kmeans(latents: Float32Array, shape: KMeansShape, options: KMeansOptions): Promise<KMeansResult> {
  const layout = resolveLayout({ ...shape, codes: options.codes });
  const { samples, groups, codes, dim, tokens } = layout;
  const { iterations = 10, tolerance = 0, measure = true, signal, start } = options;
  if (samples === 0) throw new RevqError("kmeans-no-samples", "k-means got no samples; at least one is needed.");
  requireLength("latents", latents, [samples, tokens, dim]);
  requireFinite("latents", "latent-not-finite", latents);

  const random = createRandom(options.seed ?? 0);
  const codebooks =
    startingCodebooks(start, layout, random) ??
    (await initialCodebooks(layout, latents, options.init ?? "sample", random, signal));
  let counts: Float64Array = start ? start.counts.slice() : new Float64Array(groups * codes);
  const distortion = [...(start?.distortion ?? [])];
  const revived = [...(start?.revived ?? [])];
  const state = (iteration: number): KMeansState => ({
    iteration,
    codebooks: codebooks.slice(),
    counts: counts.slice(),
    distortion: [...distortion],
    revived: [...revived],
    random: random.state(),
  });

  const assigned: NearestResult = {
    indices: sharedInt32(samples * tokens),
    distances: sharedFloat32(samples * tokens),
  };
  // One copy that workers read in place in every pass, instead of one a pass.
  const data = isShared(latents) ? latents : sharedFloat32(latents.length);
  if (data !== latents) data.set(latents);
  const memory = createSearchMemory(groups, codes);
  let searched = false;
  const search = async (iteration: number): Promise<void> => {
    const report = (done: number, total: number): void =>
      options.onProgress?.({ iteration, iterations, done, total, distortion: distortion.at(-1) ?? NaN });
    report(0, samples * tokens);
    await nearestCodes(
      data,
      codebooks,
      { ...shape, codes },
      {
        ...pick(options),
        trusted: true,
        out: assigned,
        memory,
        onProgress: report,
        // Most latents stay in their cell: starting from it, the search sees at once how little else can be nearer.
        ...(searched ? { guess: assigned.indices } : {}),
      },
    );
    searched = true;
    report(samples * tokens, samples * tokens);
  };

  let iteration = start?.iteration ?? 0;
  let settled = false;
  for (; iteration < iterations && !settled; iteration++) {
    await search(iteration);
    const pass = await update(layout, latents, assigned, codebooks, counts, random, signal);
    const previous = distortion.at(-1);
    distortion.push(pass.distortion);
    revived.push(pass.revived);
    // `>=`, so that tolerance 0 ends when a pass changes nothing at all.
    settled = previous !== undefined && pass.revived === 0 && previous - pass.distortion <= tolerance * previous;
    if (options.onState) options.onState(state(iteration + 1));
  }
  const end = state(iteration);
  if (measure) {
    await search(iteration);
    const measured = await sumCells(layout, latents, assigned, signal, () => {});
    counts = measured.counts;
    distortion.push(measured.distortion);
  }
  let used = 0;
  for (const count of counts) if (count > 0) used++;
  return { codebooks, counts, distortion, usage: used / counts.length, revived, state: end };
}

function pick({ engine, threads, signal }: KMeansOptions): Pick<KMeansOptions, "engine" | "threads" | "signal"> {
  return { ...(engine ? { engine } : {}), ...(threads ? { threads } : {}), ...(signal ? { signal } : {}) };
}

function startingCodebooks(
  start: KMeansState | undefined,
  layout: NearestLayout,
  random: Random,
): Float32Array<ArrayBuffer> | undefined {
  if (!start) return undefined;
  const { groups, codes, dim } = layout;
  if (start.codebooks.length !== groups * codes * dim || start.counts.length !== groups * codes) {
    throw new RevqError(
      "kmeans-start",
      `The state to start from holds ${start.codebooks.length} numbers; [${groups}, ${codes}, ${dim}] needs ${groups * codes * dim}.`,
      { fix: "Resume with the options that the run was started with." },
    );
  }
  random.restore(start.random);
  return start.codebooks.slice();
}

/** Adds up every cell, a block of groups at a time; `visit` sees each finished block. */
async function sumCells(
  layout: NearestLayout,
  latents: Float32Array,
  assigned: NearestResult,
  signal: AbortSignal | undefined,
  visit: (cells: CellSums) => void,
): Promise<{ counts: Float64Array; distortion: number }> {
  const { samples, groups, codes, dim, tokens } = layout;
  const counts = new Float64Array(groups * codes);
  const step = createYielder(signal);
  const size = groupsPerBlock(layout);
  const rows = 512;
  let total = 0;
  for (let firstGroup = 0; firstGroup < groups; firstGroup += size) {
    const cells = createCellSums(layout, firstGroup, Math.min(size, groups - firstGroup));
    for (let first = 0; first < samples; first += rows) {
      await step();
      addToCells(cells, layout, latents, assigned, first, Math.min(samples, first + rows));
    }
    counts.set(cells.counts, firstGroup * codes);
    for (const sum of cells.distortions) total += sum;
    visit(cells);
  }
  return { counts, distortion: total / (samples * tokens * dim) };
}

/** Moves every code to the mean of its cell and revives the empty ones. `counts` receives the hits. */
async function update(
  layout: NearestLayout,
  latents: Float32Array,
  assigned: NearestResult,
  codebooks: Float32Array,
  counts: Float64Array,
  random: Random,
  signal: AbortSignal | undefined,
): Promise<{ distortion: number; revived: number }> {
  let revived = 0;
  const next: { offset: number; values: Float32Array }[] = [];
  const before = random.state();
  try {
    const pass = await sumCells(layout, latents, assigned, signal, (cells) => {
      const offset = cells.firstGroup * layout.codes * layout.dim;
      const values = codebooks.slice(offset, offset + cells.sums.length);
      revived += moveCodes(cells, values, layout, random);
      next.push({ offset, values });
    });
    // All groups move together: an abort in between leaves a state that can be resumed.
    for (const { offset, values } of next) codebooks.set(values, offset);
    counts.set(pass.counts);
    return { distortion: pass.distortion, revived };
  } catch (error) {
    random.restore(before);
    throw error;
  }
}

/** The update of one block; `values` is its `[groups, codes, dim]`. Returns how many cells were revived. */
export function moveCodes(cells: CellSums, values: Float32Array, layout: NearestLayout, random: Random): number {
  const { codes, dim } = layout;
  let revived = 0;
  for (let cell = 0; cell < cells.counts.length; cell++) {
    const count = cells.counts[cell]!;
    if (count === 0) continue;
    let moved = 0; // |mean - code|^2: by it the distortion around the mean is smaller than around the code
    for (let i = cell * dim; i < (cell + 1) * dim; i++) {
      const mean = cells.sums[i]! / count;
      moved += (mean - values[i]!) ** 2;
      values[i] = mean;
    }
    cells.distortions[cell] = Math.max(0, cells.distortions[cell]! - count * moved);
  }
  for (let block = 0; block < cells.groups; block++) {
    const range = [block * codes, (block + 1) * codes] as const;
    revived += reviveEmptyCells(
      {
        codebooks: values,
        offset: block * codes * dim,
        dim,
        counts: cells.counts.slice(...range),
        distortions: cells.distortions.subarray(...range),
      },
      random,
    );
  }
  return revived;
}
