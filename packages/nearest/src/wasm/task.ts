/**
 * The task of a runner: one search, and optionally a k-means update. Plain data, posted to workers.
 */
import type { SearchCosts } from "./costs.js";

/** One search for any number of runners, which share the work by counting jobs up in `control`. */
export interface SearchTask {
  /** Unique: a runner keeps a group's tree between the jobs of one task. */
  readonly id: number;
  readonly samples: number;
  readonly tokens: number;
  readonly codes: number;
  readonly dim: number;
  /** The tokens of group g are `tokenList` from `tokenStart[g]` to before `tokenStart[g + 1]`. */
  readonly tokenList: Int32Array;
  readonly tokenStart: Int32Array;
  /** True if queries are ordered by group instead of by sample. */
  readonly grouped: boolean;
  /**
   * Latents `[samples, tokens, dim]` unless grouped, codebooks `[groups, codes, dim]`, answers
   * `[samples, tokens]` in the order of the queries.
   */
  readonly latents: Float32Array;
  readonly codebooks: Float32Array;
  readonly indices: Int32Array;
  readonly distances: Float32Array;
  /** `indices` holds a valid code for every query to start from. */
  readonly guessed: boolean;
  readonly method: "auto" | "tree" | "brute" | "int16" | "clusters";
  readonly costs: SearchCosts;
  /**
   * The codes in the order of their group's tree, `[groups, codes]`. Used if `ready[group]` is 1,
   * otherwise written for the next search.
   */
  readonly order: Int32Array | null;
  readonly ready: Int32Array | null;
  /** The parts of a tree that the runners build together; null if each builds its own. */
  readonly parts: TreeParts | null;
  /** Jobs of each group. */
  readonly chunks: number;
  /** The k-means update to make. Only if every job is a whole group. */
  readonly moves: ClusterMoves | null;
  /** Runners that share the task. */
  readonly runners: number;
  /**
   * [0] next job, [1] workers that are done, [2] stop if not 0, [3] runners that failed, [4] jobs
   * done.
   */
  readonly control: Int32Array;
}

/** A tree in parts, each built by one runner. Only for tasks with one group. */
export interface TreeParts {
  /** [part]: 0 not started, 1 started, 2 in `leaves`. A power of two of them. */
  readonly state: Int32Array;
  /** Codes [leaves][dim][16] f32 and ids [leaves][16] i32, as in the kernel's tree. */
  readonly leaves: Int32Array;
}

/** The update of a k-means pass. */
export interface ClusterMoves {
  /** The means of the clusters, or the old code of an empty cluster: `[groups, codes, dim]`. */
  readonly codebooks: Float32Array;
  /** Hits of every code, `[groups, codes]`. */
  readonly counts: Float64Array;
  /**
   * Summed squared distances to the mean, `[groups, codes]`; only for groups with empty clusters.
   */
  readonly distortions: Float64Array;
  /**
   * `[groups, codes]`: 1 for every code that moved since the last search. A search with a guess
   * reads it; the guess must be the last answer, with its distances. Then this pass writes it.
   */
  readonly moved: Uint8Array;
  /** Summed squared distances to the codes before the update, `[groups]`. */
  readonly totals: Float64Array;
  /** `[groups]` */
  readonly emptyClusters: Int32Array;
}
