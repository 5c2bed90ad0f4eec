/** The search that users call: checks the input, picks an engine, returns indices and distances. */
import { createYielder } from "./event-loop.js";
import { searchReference } from "./reference.js";
import type { NearestOptions, NearestResult, SearchOptions } from "./search-options.js";
import { requireFinite, requireLength, resolveLayout, type NearestLayout, type NearestShape } from "./shape.js";
import { movesClusters, searchWasm, searchWasmSync, wasmRuns } from "./wasm/engine.js";

/**
 * Finds the nearest code of every token, exactly.
 *
 * @param latents float32 `[samples, tokens, dim]`, finite
 * @param codebooks float32 `[groups, codes, dim]`, finite
 * @throws RevqError `nearest-shape`, `nearest-length`, `latent-not-finite`, `codebook-not-finite`
 *
 * @example
 * const latents = Float32Array.of(0.9, 0.1, 3, 4); // two samples of one token
 * const codebooks = Float32Array.of(0, 0, 1, 0, 0, 4); // one codebook of three codes
 * const shape = { samples: 2, groups: 1, codes: 3, dim: 2 };
 * const { indices, distances } = await nearestCodes(latents, codebooks, shape);
 * indices; // => [1, 2]
 * distances[1]; // => 9
 */
export async function nearestCodes(
  latents: Float32Array,
  codebooks: Float32Array,
  shape: NearestShape,
  options: NearestOptions = {},
): Promise<NearestResult> {
  return searchLayout(resolveLayout(shape), latents, codebooks, options);
}

/** Like `nearestCodes`, for a layout that may be grouped. */
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
 * Like `nearestCodes`, but blocks the thread: for use inside a synchronous tensor operation.
 * Ignores `signal` and `onProgress`. In Node, worker threads still share the work.
 *
 * @example
 * const shape = { samples: 1, groups: 1, codes: 2, dim: 2 };
 * const codebooks = Float32Array.of(0, 0, 1, 1);
 * nearestCodesSync(Float32Array.of(0.9, 0.8), codebooks, shape).indices; // => [1]
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

/** Whether a search can make the k-means update on the way (`SearchOptions.moves`). */
export function canMoveClusters(layout: NearestLayout, options: SearchOptions): boolean {
  return usesWasm(options) && movesClusters(layout, options);
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
