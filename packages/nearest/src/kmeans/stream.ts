/**
 * k-means on data that does not fit in memory: batches come from a reader. Either whole passes (`pass`: exactly Lloyd's
 * algorithm, summed over the batches) or mini-batches that move the codes as they come (`batch`: Sculley, WWW 2010).
 */
import { RevqError, createRandom } from "@revq/core";
import { nearestCodes } from "../nearest-codes.js";
import { requireLength, resolveLayout } from "../shape.js";
import { addToCells, createCellSums } from "./cells.js";
import { initialCodebooks } from "./initialize.js";
import { moveCodes } from "./lloyd.js";
import type { KMeansOptions, KMeansResult, KMeansShape, KMeansState } from "./options.js";

/** Yields float32 `[samples, tokens, dim]` batches, of any number of samples each. Called once a pass; the same data every time. */
export type LatentBatches = (pass: number) => AsyncIterable<Float32Array> | Iterable<Float32Array>;

export interface KMeansStreamOptions extends KMeansOptions {
  /** Default `pass`. */
  readonly update?: "pass" | "batch";
  /** Mini-batch mode: the number of hits that a code is a mean over is not let above this; default Infinity (a plain mean). */
  readonly memory?: number;
}

/**
 * As `kmeans`, over batches. Memory: one batch, the codebooks, and float64 sums of their size.
 * The first codes come from the first batches, as many as it takes to have `codes` latents a group.
 *
 * @throws RevqError as `kmeans`; `signal.reason` when aborted
 */
export async function kmeansStream(
  batches: LatentBatches,
  shape: Omit<KMeansShape, "samples">,
  options: KMeansStreamOptions,
): Promise<KMeansResult> {
  const layoutOf = (samples: number): ReturnType<typeof resolveLayout> =>
    resolveLayout({ ...shape, samples, codes: options.codes });
  const one = layoutOf(1);
  const { groups, codes, dim, tokens } = one;
  const { iterations = 10, tolerance = 0, measure = true, signal, start, update = "pass", memory = Infinity } = options;
  const random = createRandom(options.seed ?? 0);

  if (start && start.codebooks.length !== groups * codes * dim) {
    throw new RevqError(
      "kmeans-start",
      `The state to start from holds ${start.codebooks.length} numbers; [${groups}, ${codes}, ${dim}] is expected.`,
    );
  }
  if (start) random.restore(start.random);
  const codebooks = start ? start.codebooks.slice() : await firstCodebooks();
  let counts: Float64Array = start ? start.counts.slice() : new Float64Array(groups * codes);
  const distortion = [...(start?.distortion ?? [])];
  const revived = [...(start?.revived ?? [])];

  async function firstCodebooks(): Promise<Float32Array> {
    const fewest = Math.max(1, Math.min(...one.tokensOf.map((list) => list.length || Infinity)));
    const wanted = Math.ceil(codes / fewest);
    const parts: Float32Array[] = [];
    let samples = 0;
    for await (const batch of batches(0)) {
      signal?.throwIfAborted();
      parts.push(batch.slice());
      samples += batch.length / (tokens * dim);
      if (samples >= wanted) break;
    }
    if (samples === 0) throw new RevqError("kmeans-no-samples", "k-means got no samples; at least one is needed.");
    const latents = new Float32Array(samples * tokens * dim);
    let offset = 0;
    for (const part of parts) {
      latents.set(part, offset);
      offset += part.length;
    }
    return initialCodebooks(layoutOf(samples), latents, options.init ?? "sample", random, signal);
  }

  const state = (iteration: number): KMeansState => ({
    iteration,
    codebooks: codebooks.slice(),
    counts: counts.slice(),
    distortion: [...distortion],
    revived: [...revived],
    random: random.state(),
  });

  /** One pass; `learn` says whether the codes move. Returns the mean squared error and how many cells were revived. */
  async function pass(
    iteration: number,
    learn: "pass" | "batch" | "none",
  ): Promise<{ distortion: number; revived: number }> {
    const whole = createCellSums(one, 0, groups);
    let elements = 0;
    let total = 0;
    for await (const latents of batches(iteration)) {
      signal?.throwIfAborted();
      const samples = latents.length / (tokens * dim);
      requireLength("batch", latents, [Math.floor(samples), tokens, dim]);
      const found = await nearestCodes(
        latents,
        codebooks,
        { ...shape, samples, codes },
        {
          ...(options.engine ? { engine: options.engine } : {}),
          ...(options.threads ? { threads: options.threads } : {}),
          ...(signal ? { signal } : {}),
        },
      );
      const cells = learn === "batch" ? createCellSums(one, 0, groups) : whole;
      addToCells(cells, one, latents, found, 0, samples);
      if (learn === "batch") {
        for (let cell = 0; cell < groups * codes; cell++) whole.counts[cell]! += cells.counts[cell]!;
        for (let cell = 0; cell < groups * codes; cell++) whole.distortions[cell]! += cells.distortions[cell]!;
        blend(cells.counts, cells.sums);
      }
      elements += latents.length;
      options.onProgress?.({
        iteration,
        iterations,
        done: elements / dim,
        total: 0,
        distortion: distortion.at(-1) ?? NaN,
      });
    }
    if (elements === 0) throw new RevqError("kmeans-no-samples", "k-means got no samples; at least one is needed.");
    for (const sum of whole.distortions) total += sum;
    let count = 0;
    if (learn === "batch") {
      // Codes that a whole pass did not hit are as dead as in Lloyd's algorithm; the others stay where the batches put them.
      whole.sums.forEach((_, i) => (whole.sums[i] = whole.counts[Math.floor(i / dim)]! * codebooks[i]!));
    } else counts = whole.counts.slice();
    if (learn !== "none") {
      count = moveCodes(whole, codebooks, one, random);
      if (learn === "batch")
        for (let cell = 0; cell < counts.length; cell++) if (whole.counts[cell] === 0) counts[cell] = 0;
    }
    return { distortion: total / elements, revived: count };
  }

  /** Moves every code that was hit towards its cell's mean, with weight hits / (hits so far). */
  function blend(hits: Float64Array, sums: Float64Array): void {
    for (let cell = 0; cell < hits.length; cell++) {
      const hit = hits[cell]!;
      if (hit === 0) continue;
      const past = Math.min(counts[cell]!, memory);
      counts[cell] = past + hit;
      for (let i = cell * dim; i < (cell + 1) * dim; i++)
        codebooks[i] = (codebooks[i]! * past + sums[i]!) / (past + hit);
    }
  }

  let iteration = start?.iteration ?? 0;
  let settled = false;
  for (; iteration < iterations && !settled; iteration++) {
    const done = await pass(iteration, update);
    const previous = distortion.at(-1);
    distortion.push(done.distortion);
    revived.push(done.revived);
    settled = previous !== undefined && done.revived === 0 && previous - done.distortion <= tolerance * previous;
    options.onState?.(state(iteration + 1));
  }
  const end = state(iteration);
  let hits = counts;
  if (measure) {
    distortion.push((await pass(iteration, "none")).distortion);
    hits = counts;
  }
  let used = 0;
  for (const hit of hits) if (hit > 0) used++;
  return { codebooks, counts: hits, distortion, usage: used / hits.length, revived, state: end };
}
