/** What runners are given: one search, and what k-means wants of it on the way. Plain data, posted to workers. */

import type { SearchCosts } from "./costs.js";

/** One search, ready for any number of runners that share the work by counting jobs up in `control`. */
export interface SearchTask {
  /** Differs from task to task: a runner keeps a group's tree between the jobs of one task. */
  readonly id: number;
  readonly samples: number;
  readonly tokens: number;
  readonly codes: number;
  readonly dim: number;
  /** The tokens of group g are `tokenList[tokenStart[g]]` up to before `tokenList[tokenStart[g + 1]]`. */
  readonly tokenList: Int32Array;
  readonly tokenStart: Int32Array;
  /** Whether queries lie group after group (`[groups, samples of the group, dim]`) instead of sample after sample. */
  readonly grouped: boolean;
  /** `[samples, tokens, dim]` unless grouped, `[groups, codes, dim]`; answers `[samples, tokens]`, in the order of the queries. */
  readonly latents: Float32Array;
  readonly codebooks: Float32Array;
  readonly indices: Int32Array;
  readonly distances: Float32Array;
  /** `indices` holds a valid code for every query to start from. */
  readonly guessed: boolean;
  readonly method: "auto" | "tree" | "brute" | "sift" | "cells";
  readonly costs: SearchCosts;
  /** Which code sits where in a group's tree, `[groups, codes]`: used where `ready[group]` is 1, else kept for the next search. */
  readonly order: Int32Array | null;
  readonly ready: Int32Array | null;
  /** A group's queries are cut into this many jobs. */
  readonly chunks: number;
  /** Given when every job is a whole group: its sums and means are made on the way. */
  readonly moves: CellMoves | null;
  /** How many runners share the task. */
  readonly runners: number;
  /** [0] the next job, [1] runners that are done, [2] not 0: stop, [3] runners that failed, [4] jobs done. */
  readonly control: Int32Array;
}

/** What a pass of k-means makes of each group's cells. */
export interface CellMoves {
  /** The codes moved to the means of their cells, those of empty cells where they were: `[groups, codes, dim]`. */
  readonly codebooks: Float32Array;
  /** Hits of every code, `[groups, codes]`. */
  readonly counts: Float64Array;
  /** Squared distances from the mean, summed: `[groups, codes]`; written for groups with empty cells only. */
  readonly distortions: Float64Array;
  /**
   * 1 for every code that is not where the last search found it, `[groups, codes]`: read by searches with a guess, which must then be
   * the last answer and come with its distances; written with what this pass moves.
   */
  readonly moved: Uint8Array;
  /** Squared distances from the codes as they were, summed: `[groups]`. */
  readonly totals: Float64Array;
  /** `[groups]` */
  readonly emptyCells: Int32Array;
}
