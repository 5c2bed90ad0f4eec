/** Progress, checkpoints and cancellation of long-running work. Work never prints. */
import type { NamedArrays } from "./named-tensors.js";
import type { Random } from "./random.js";

export interface Progress {
  /** The work in a few words: "fit codebooks". */
  readonly phase: string;
  readonly done: number;
  /** 0 if unknown. */
  readonly total: number;
  /** The figure to watch, such as `mse 0.0523`. */
  readonly detail?: string;
}

export type ReportProgress = (progress: Progress) => void;

/** The state of a fit that was stopped, as data. */
export interface SavedFit {
  /** A JSON value in the fit's own format. */
  readonly json: unknown;
  readonly arrays: NamedArrays;
}

/**
 * Where a fit that takes long keeps what it has after every pass. A fit that goes on from `saved`
 * ends with the same bits.
 */
export interface FitCheckpoints {
  /** What the last `save` of a stopped run left; null when it starts from the beginning. */
  readonly saved: SavedFit | null;
  save(state: SavedFit): Promise<void>;
}

/** Context of a fit. */
export interface FitContext {
  readonly random: Random;
  readonly report: ReportProgress;
  /** Aborted when the user presses Ctrl-C: stop at the next step and throw `signal.reason`. */
  readonly signal: AbortSignal;
  /** Absent where nobody wants to resume. A fit of seconds need not use it. */
  readonly checkpoints?: FitCheckpoints;
  /** How many bytes of latents and their copies a fit may hold at once; absent: its own measure. */
  readonly memory?: number;
}

/**
 * A context for tests and scripts: no reports, never aborted.
 *
 * @example
 * quietContext(createRandom(0)).signal.aborted; // => false
 */
export function quietContext(random: Random): FitContext {
  return { random, report: () => {}, signal: new AbortController().signal };
}
