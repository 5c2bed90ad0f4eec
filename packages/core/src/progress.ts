/** How long-running work reports to whoever watches. Work never prints. */
import type { Random } from "./random.js";

export interface Progress {
  /** What is being done, in a few words: "fit codebooks". */
  readonly phase: string;
  readonly done: number;
  /** 0 when unknown. */
  readonly total: number;
  /** The figure to watch, such as `mse 0.0523`. */
  readonly detail?: string;
}

export type ReportProgress = (progress: Progress) => void;

/** What every fit is given. */
export interface FitContext {
  readonly random: Random;
  readonly report: ReportProgress;
  /** Aborted when the user presses Ctrl-C: stop at the next step and throw `signal.reason`. */
  readonly signal: AbortSignal;
}

/** A context for tests and scripts: no reports, never aborted. */
export function quietContext(random: Random): FitContext {
  return { random, report: () => {}, signal: new AbortController().signal };
}
