/** Options, state and result of k-means. The state is plain data, to be saved in a checkpoint. */
import type { RandomState } from "@revq/core";
import type { NearestEngine } from "../search-options.js";

/** Latents are `[samples, tokens, dim]`; tokens belong to groups as in `NearestShape`. */
export interface KMeansShape {
  readonly samples: number;
  readonly groups: number;
  readonly dim: number;
  /** Default `groups`. */
  readonly tokens?: number;
  /** The group of every token; default t % groups. */
  readonly groupOf?: Int32Array;
}

export interface KMeansProgress {
  /** Passes over the data so far, and the number of all passes. */
  readonly iteration: number;
  readonly iterations: number;
  /** Within the pass: tokens searched so far, and their total. */
  readonly done: number;
  readonly total: number;
  /** Mean squared error per element of the last complete pass; NaN in the first pass. */
  readonly distortion: number;
}

/** All that a stopped run needs to continue and to end with the same bits. */
export interface KMeansState {
  readonly iteration: number;
  /** `[groups, codes, dim]` */
  readonly codebooks: Float32Array;
  /** Hits of every code in the last pass, `[groups, codes]`. */
  readonly counts: Float64Array;
  /** Mean squared error per element of every pass, before that pass's update. */
  readonly distortion: readonly number[];
  /** Empty clusters that were revived, by pass. */
  readonly revived: readonly number[];
  readonly random: RandomState;
}

export interface KMeansOptions {
  /** K */
  readonly codes: number;
  /** Passes over the data; default 10. */
  readonly iterations?: number;
  /**
   * `sample` (default): K distinct latents of the group. `kmeans++`: spread by squared distance
   * (Arthur and Vassilvitskii 2007).
   */
  readonly init?: "sample" | "kmeans++";
  /** Default 0. */
  readonly seed?: number;
  /**
   * Numbers that seed the groups' generators, default 0, 1, 2, … Groups that are fitted in separate
   * calls, with the numbers they would have in one call, get the same codebooks.
   */
  readonly groupNumbers?: readonly number[];
  /**
   * Stops once a pass lowers the distortion by no more than this fraction. Default 0: no change at
   * all.
   */
  readonly tolerance?: number;
  /**
   * One more search after the last update, so that `counts`, `usage` and the last `distortion` are
   * those of the result; default true.
   */
  readonly measure?: boolean;
  readonly engine?: NearestEngine;
  readonly threads?: number;
  /**
   * Aborting makes the call throw `signal.reason`; go on later from the last state that `onState`
   * was given.
   */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: KMeansProgress) => void;
  /** After every pass. The arrays are copies when `onState` is given. */
  readonly onState?: (state: KMeansState) => void;
  /** Go on from a state; `init` and `seed` are then not used. */
  readonly start?: KMeansState;
}

export interface KMeansResult {
  /** `[groups, codes, dim]` */
  readonly codebooks: Float32Array;
  /**
   * Hits of every code, `[groups, codes]`: of `codebooks` when measured, else of the last pass's
   * start.
   */
  readonly counts: Float64Array;
  /** Mean squared error per element: entry i is that of the codebooks after i updates. */
  readonly distortion: readonly number[];
  /** Fraction of all codes with at least one hit. */
  readonly usage: number;
  /** Empty clusters that were revived, by pass. */
  readonly revived: readonly number[];
  readonly state: KMeansState;
}
