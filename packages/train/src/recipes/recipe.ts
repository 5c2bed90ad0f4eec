/**
 * The contract of a recipe: the mathematics of training. Epochs, abort, checkpoints, measuring and
 * records are the driver's (`driver.ts`).
 */
import { RevqError, type FitCheckpoints, type FitContext, type NamedArrays, type Random } from "@revq/core";
import type { CodeCounter, PriorGrid, TokenPrior } from "@revq/metrics";
import type { RunConfig } from "../config/schema.js";
import { distinctLatents, type LatentSet } from "../evaluation/latent-batches.js";
import type { LatentCodec } from "../evaluation/latent-error.js";
import type { EpochRecord, PassRecord } from "../run/records.js";
import type { IdTable, IdTableOptions } from "./id-table.js";

/** Settings of the steps on latents. */
export type RecipeSettings = Omit<
  RunConfig["train"],
  "epochs" | "pictureSteps" | "decoderSteps" | "adaptDecoder" | "picture"
> & { readonly epochs: number };

export interface RecipeInput {
  readonly codec: LatentCodec;
  readonly train: LatentSet;
  readonly val: LatentSet;
  /** Where tokens lie, or null. */
  readonly grid: PriorGrid | null;
  readonly settings: RecipeSettings;
  readonly context: FitContext;
  /** Where a fit of codebooks keeps its state after every pass. */
  readonly fitCheckpoints: FitCheckpoints;
  /** Where a table of ids may be kept that is too large for memory. */
  readonly idTable: (name: string) => IdTableOptions;
}

/** Where the training stands. */
export interface StepPosition {
  /** From 1. */
  readonly epoch: number;
  /** Steps of the epoch before this one. */
  readonly stepOfEpoch: number;
  /** Steps of the run before this one. */
  readonly step: number;
}

/** Measures training and held-out latents. @param ids of both, if they are known */
export type Measure = (ids?: { readonly train: IdTable; readonly val: IdTable }) => Promise<EpochRecord["latentMse"]>;

export interface Recipe {
  /** What its steps train, for the progress display. */
  readonly phase: string;
  /** Epochs of steps; 0 when nothing is trained by gradient. */
  readonly epochs: number;
  /**
   * Makes the first codebooks from the training latents; one record per pass. A resumed run calls
   * `restore` instead.
   */
  prepare(): Promise<readonly PassRecord[]>;
  /** Takes up the state of a checkpoint and the epochs before it. */
  restore(arrays: NamedArrays, epochs: readonly EpochRecord[]): void;
  /** What the steps need and no checkpoint holds. Called once, after `prepare` or `restore`. */
  beforeSteps?(): Promise<void>;
  /**
   * One step on these training latents.
   * @returns the losses, for the progress display. Throws `training-diverged` when a loss is not
   * finite
   */
  step(rows: Int32Array, position: StepPosition): Promise<string>;
  /** What happens between epochs; measures the model that would be kept now. @param epoch from 1 */
  endOfEpoch(epoch: number, measure: Measure): Promise<EpochRecord>;
  /**
   * What a checkpoint must hold: `quantizer.*`, `rectifier.*`, `optimizer.*` and the recipe's own.
   */
  state(): Promise<NamedArrays>;
  /** Leaves quantizer and rectifier as they are kept. */
  finish(): Promise<KeptModel>;
  dispose(): Promise<void>;
}

export interface KeptModel {
  /** The ids of all training latents with the final codebooks, counted. */
  readonly idCounts: CodeCounter;
  /** Fitted on those ids. */
  readonly prior: TokenPrior;
  /** False when no epoch improved on the unrectified error: then the identity is kept instead. */
  readonly rectifierHelps: boolean;
}

/**
 * The order of training latents in an epoch, each in one of its views. It depends on the seed and
 * the epoch only, so a resumed run has the same.
 */
export function epochBatches(random: Random, epoch: number, train: LatentSet, batch: number): Int32Array[] {
  const samples = distinctLatents(train);
  const order = random.fork(`epoch ${epoch}`).permutation(samples);
  const views = train.standardized.count / samples;
  if (views > 1) {
    const drawn = random.fork(`views of epoch ${epoch}`);
    for (let i = 0; i < samples; i++) order[i]! += samples * drawn.integer(views);
  }
  if (samples <= batch) return [order];
  return Array.from({ length: Math.floor(samples / batch) }, (_, i) => order.subarray(i * batch, (i + 1) * batch));
}

export function stepsPerEpoch(samples: number, batch: number): number {
  return Math.max(1, Math.floor(samples / batch));
}

/** Throws `training-diverged`. @param what "rectifier's loss" */
export function requireFinite(loss: number, what: string, { epoch, stepOfEpoch }: StepPosition): void {
  if (Number.isFinite(loss)) return;
  throw new RevqError("training-diverged", `The ${what} became ${loss} in epoch ${epoch}, step ${stepOfEpoch + 1}.`, {
    fix: "Start again in another folder with a lower learning rate.",
    setting: { path: "train.learningRate" },
  });
}
