/** Options and results of a search, as users and engines see them. */
import type { SearchMemory } from "./search-memory.js";
import type { ClusterMoves } from "./wasm/task.js";

/** `auto` takes WebAssembly where it runs, else the reference. All engines give the same bits. */
export type NearestEngine = "auto" | "wasm" | "reference";

export interface NearestOptions {
  readonly engine?: NearestEngine;
  /**
   * Worker threads of the `wasm` engine. Default: one a core, at most 16. 1 stays on this thread.
   */
  readonly threads?: number;
  /** Aborting makes the call throw `signal.reason` at the next step. */
  readonly signal?: AbortSignal;
  /**
   * Skips the scan for NaN and infinities, of all inputs or of the codebooks alone. Only for values
   * that were already checked: the answer is undefined otherwise.
   */
  readonly trusted?: boolean | "codebooks";
  /**
   * How the `wasm` engine searches; the answer is the same.
   * - `auto` (default): the method that should be fastest for the shape.
   * - `tree`: prunes with a k-d tree.
   * - `clusters`: walks that tree once for all queries with the same guess. For dim 4 and 8 with a
   *   `guess`; otherwise like `auto`.
   * - `brute`: compares every pair.
   * - `int16`: compares every pair in 16-bit integers first, then the candidates in float32.
   */
  readonly method?: "auto" | "tree" | "clusters" | "brute" | "int16";
  /** Written and returned instead of new arrays. Shared memory saves a copy between threads. */
  readonly out?: NearestResult;
  /**
   * Guesses such as the last pass's answer, `[samples, tokens]`. They only make the search faster.
   * May be `out.indices`.
   */
  readonly guess?: Int32Array;
  /**
   * From `createSearchMemory`. Pass the same one to all searches in codebooks that change little.
   */
  readonly memory?: SearchMemory;
  /** Called a few times a second with the queries searched so far and their total. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Options of this package's own searches. */
export interface SearchOptions extends NearestOptions {
  /** A k-means update that the workers make on the way. Only if `canMoveClusters` is true. */
  readonly moves?: ClusterMoves;
}

export interface NearestResult {
  /** Nearest code of every token, `[samples, tokens]`. Ties go to the lowest index. */
  readonly indices: Int32Array;
  /** Squared Euclidean distance to it, `[samples, tokens]`, in the arithmetic of `reference.ts`. */
  readonly distances: Float32Array;
}
