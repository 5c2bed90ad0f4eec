/** What the two recipes have in common: what they are given, how an epoch is ordered, how a step is guarded. */
import {
  RevqError,
  type FitCheckpoints,
  type FitContext,
  type LatentSource,
  type NamedArrays,
  type Quantizer,
  type Random,
  type Rectifier,
} from "@revq/core";
import type { CodeCounter } from "@revq/metrics";
import type { RunConfig } from "./config/schema.js";
import type { CodeTableOptions } from "./code-table.js";
import type { Checkpoint } from "./checkpoints.js";
import type { EpochRecord, PassRecord } from "./records.js";

export interface RecipeInput {
  readonly quantizer: Quantizer;
  readonly rectifier: Rectifier;
  /** Standardized training and held-out latents. */
  readonly train: LatentSource;
  readonly val: LatentSource;
  readonly settings: RunConfig["train"];
  readonly context: FitContext;
  /** Where to go on from, or null. */
  readonly resumed: Checkpoint | null;
  /** Where the codebooks' fit keeps what it has after every pass. */
  readonly fitCheckpoints: FitCheckpoints;
  /** Where a table of codes may be kept that is too large for memory. */
  readonly codeTable: (name: string) => CodeTableOptions;
  readonly onPass: (record: PassRecord) => Promise<void>;
  readonly onEpoch: (record: EpochRecord) => Promise<void>;
  /** @param step grows over the run */
  readonly save: (step: number, checkpoint: Omit<Checkpoint, "run">) => Promise<void>;
}

export interface RecipeResult {
  readonly passes: readonly PassRecord[];
  readonly epochs: readonly EpochRecord[];
  /** The codes of all training latents with the final codebooks. */
  readonly codesInUse: CodeCounter;
  /** False when no epoch made the rectifier better than none: then the identity is kept instead. */
  readonly rectifierHelps: boolean;
  readonly seconds: { readonly fitCodebooks: number; readonly trainRectifier: number };
}

/** The order of the training latents in an epoch: depends on the seed and the epoch alone, so a resumed run has the same. */
export function epochBatches(random: Random, epoch: number, samples: number, batch: number): Int32Array[] {
  const order = random.fork(`epoch ${epoch}`).permutation(samples);
  if (samples <= batch) return [order];
  return Array.from({ length: Math.floor(samples / batch) }, (_, i) => order.subarray(i * batch, (i + 1) * batch));
}

/** Whether a checkpoint is due after this step, counted from 0; the end of an epoch has one of its own. */
export function dueInEpoch(step: number, steps: number, { checkpointSteps }: RunConfig["train"]): boolean {
  return (step + 1) % checkpointSteps === 0 && step + 1 < steps;
}

/** A fixed sample of the training latents for measuring, in order. */
export function measuredRows(random: Random, samples: number, limit: number): Int32Array {
  if (samples <= limit) return Int32Array.from({ length: samples }, (_, row) => row);
  return random.fork("measured rows").sample(samples, limit).sort();
}

export function requireFinite(loss: number, what: string, epoch: number, step: number): void {
  if (Number.isFinite(loss)) return;
  throw new RevqError("training-diverged", `The ${what} became ${loss} in epoch ${epoch}, step ${step + 1}.`, {
    fix: "Start anew with a lower learning rate (--lr) and another --out.",
  });
}

/** Parts of a checkpoint's arrays, by prefix. */
export type StateArrays = NamedArrays;

/** Wall-clock seconds since the call. */
export function stopwatch(): () => number {
  const start = performance.now();
  return () => (performance.now() - start) / 1000;
}
