/** The search that users call: checks the input, picks an engine, returns indices and squared distances. */
import { createYielder } from "./event-loop.js";
import { searchReference } from "./reference.js";
import type { SearchMemory } from "./search-memory.js";
import { requireFinite, requireLength, resolveLayout, type NearestLayout, type NearestShape } from "./shape.js";
import { movesCells, searchWasm, searchWasmSync, wasmRuns } from "./wasm/engine.js";
import type { CellMoves } from "./wasm/task.js";

/** `auto` takes WebAssembly where it runs, else the reference. Every engine gives the same answer, bit for bit. */
export type NearestEngine = "auto" | "wasm" | "reference";

export interface NearestOptions {
  readonly engine?: NearestEngine;
  /** Worker threads of the `wasm` engine; default: one a core, at most 16. 1 stays on the calling thread. */
  readonly threads?: number;
  /** Aborting makes the call throw `signal.reason` at the next step. */
  readonly signal?: AbortSignal;
  /**
   * Skips the scan for NaN and infinities, of everything or of the codebooks alone. Only for values that were already checked:
   * the answer is undefined otherwise.
   */
  readonly trusted?: boolean | "codebooks";
  /**
   * `tree` prunes with a k-d tree, `cells` walks that tree once for all queries of one guess (dim 4 and 8; else as `auto`), `brute`
   * compares every pair, `sift` compares every pair in 16-bit integers first; `auto` (default) takes what should be fastest for the
   * shape. Same answer.
   */
  readonly method?: "auto" | "tree" | "cells" | "brute" | "sift";
  /** Written and returned instead of new arrays. Shared memory saves a copy between threads. */
  readonly out?: NearestResult;
  /** Guesses such as the last pass's answer, `[samples, tokens]`: they only make the search faster. May be `out.indices`. */
  readonly guess?: Int32Array;
  /** Made once with `createSearchMemory` and passed to every search in codebooks that change little from one to the next. */
  readonly memory?: SearchMemory;
  /** Queries searched so far, of how many; some times a second. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Of this package's own searches. */
export interface SearchOptions extends NearestOptions {
  /** Written by the workers on the way: what k-means makes of the answer. Only where `canMoveCells` says so. */
  readonly moves?: CellMoves;
}

export interface NearestResult {
  /** Nearest code of every token, `[samples, tokens]`. Ties go to the lowest index. */
  readonly indices: Int32Array;
  /** Squared Euclidean distance to it, `[samples, tokens]`, in float32 arithmetic as `reference.ts` defines it. */
  readonly distances: Float32Array;
}

/**
 * The nearest code of every token, exactly.
 *
 * @param latents float32 `[samples, tokens, dim]`, finite
 * @param codebooks float32 `[groups, codes, dim]`, finite
 * @throws RevqError `nearest-shape`, `nearest-length`, `latent-not-finite`, `codebook-not-finite`
 */
export async function nearestCodes(
  latents: Float32Array,
  codebooks: Float32Array,
  shape: NearestShape,
  options: NearestOptions = {},
): Promise<NearestResult> {
  return searchLayout(resolveLayout(shape), latents, codebooks, options);
}

/** `nearestCodes` for a layout that may be grouped. */
export async function searchLayout(
  layout: NearestLayout,
  latents: Float32Array,
  codebooks: Float32Array,
  options: SearchOptions,
): Promise<NearestResult> {
  const result = prepare(layout, latents, codebooks, options);
  if (layout.samples === 0) return result;
  if (usesWasm(options)) {
    await searchWasm(layout, latents, codebooks, result, options);
    return result;
  }
  const step = createYielder(options.signal);
  const rows = Math.max(1, Math.floor(2 ** 22 / (layout.tokens * layout.codes)));
  for (let first = 0; first < layout.samples; first += rows) {
    await step();
    options.onProgress?.(first * layout.tokens, layout.samples * layout.tokens);
    const last = Math.min(layout.samples, first + rows);
    searchReference(layout, latents, codebooks, result.indices, result.distances, first, last);
  }
  return result;
}

/**
 * The same without a promise: for the inside of a synchronous tensor operation. It blocks the thread until it is done.
 * `signal` and `onProgress` are not looked at. In Node the work is shared with worker threads all the same.
 */
export function nearestCodesSync(
  latents: Float32Array,
  codebooks: Float32Array,
  shape: NearestShape,
  options: NearestOptions = {},
): NearestResult {
  const layout = resolveLayout(shape);
  const result = prepare(layout, latents, codebooks, options);
  if (layout.samples === 0) return result;
  if (usesWasm(options)) searchWasmSync(layout, latents, codebooks, result, options);
  else searchReference(layout, latents, codebooks, result.indices, result.distances, 0, layout.samples);
  return result;
}

export function canMoveCells(layout: NearestLayout, options: SearchOptions): boolean {
  return usesWasm(options) && movesCells(layout, options);
}

function usesWasm({ engine = "auto" }: NearestOptions): boolean {
  return engine === "wasm" || (engine === "auto" && wasmRuns());
}

function prepare(
  layout: NearestLayout,
  latents: Float32Array,
  codebooks: Float32Array,
  options: NearestOptions,
): NearestResult {
  const { samples, tokens, groups, codes, dim } = layout;
  requireLength("latents", latents, [samples, tokens, dim]);
  requireLength("codebooks", codebooks, [groups, codes, dim]);
  if (options.trusted !== true) requireFinite("latents", "latent-not-finite", latents);
  if (!options.trusted) requireFinite("codebooks", "codebook-not-finite", codebooks);
  if (options.guess) requireLength("guess", options.guess, [samples, tokens]);
  if (options.out) {
    requireLength("out.indices", options.out.indices, [samples, tokens]);
    requireLength("out.distances", options.out.distances, [samples, tokens]);
    return options.out;
  }
  return { indices: new Int32Array(samples * tokens), distances: new Float32Array(samples * tokens) };
}
