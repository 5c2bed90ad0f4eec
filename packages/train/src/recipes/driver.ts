/**
 * Drives a recipe: epochs, abort, checkpoints, measuring and records, the same for every recipe. A
 * run that was stopped and resumed ends with the same bits as one that was not.
 */
import type { NamedArrays, Random } from "@revq/core";
import { distinctLatents, measuringBatch } from "../evaluation/latent-batches.js";
import { measureLatentError } from "../evaluation/latent-error.js";
import type { Checkpoint } from "../run/checkpoints.js";
import type { EpochRecord, PassRecord } from "../run/records.js";
import { stopwatch } from "../run/stopwatch.js";
import { epochBatches, stepsPerEpoch, type KeptModel, type Measure, type Recipe, type RecipeInput } from "./recipe.js";

export interface DriverInput extends RecipeInput {
  /** The checkpoint to go on from, or null. */
  readonly resumed: Checkpoint | null;
  readonly onRecord: (record: PassRecord | EpochRecord) => Promise<void>;
  /** @param step grows over the run */
  readonly save: (step: number, checkpoint: Omit<Checkpoint, "run">) => Promise<void>;
}

export interface RecipeResult extends KeptModel {
  /** Steps of the run. */
  readonly steps: number;
  /** What the last checkpoint holds, for stages after the recipe. */
  readonly arrays: NamedArrays;
  readonly passes: readonly PassRecord[];
  readonly epochs: readonly EpochRecord[];
  readonly seconds: { readonly fitCodebooks: number; readonly trainRectifier: number };
}

export async function runRecipe(recipe: Recipe, input: DriverInput): Promise<RecipeResult> {
  const { codec, train, val, settings, resumed } = input;
  const { random, report, signal } = input.context;
  const samples = distinctLatents(train);
  const steps = stepsPerEpoch(samples, settings.batch);
  const totalSteps = settings.epochs * steps;

  const batch = measuringBatch(train.standardized);
  const rows = measuredRows(random, samples, settings.measureSamples);
  const measure: Measure = async (ids) => ({
    train: await measureLatentError({ codec, latents: train, batch, rows, ...(ids && { ids: ids.train }) }),
    val: await measureLatentError({ codec, latents: val, batch, ...(ids && { ids: ids.val }) }),
  });

  const passes: PassRecord[] = [...(resumed?.passes ?? [])];
  const epochs: EpochRecord[] = [...(resumed?.epochs ?? [])];
  let clock = stopwatch();
  try {
    if (resumed) recipe.restore(resumed.arrays, epochs);
    else passes.push(...(await recipe.prepare()));
    const fitCodebooks = resumed?.seconds.fitCodebooks ?? clock();
    if (!resumed) for (const pass of passes) await input.onRecord(pass);
    await recipe.beforeSteps?.();

    clock = stopwatch();
    const seconds = (): RecipeResult["seconds"] => ({
      fitCodebooks,
      trainRectifier: (resumed?.seconds.trainRectifier ?? 0) + clock(),
    });
    const save = async (step: number, stepsIntoEpoch: number): Promise<void> =>
      input.save(step, { passes, epochs, stepsIntoEpoch, seconds: seconds(), arrays: await recipe.state() });
    if (!resumed && passes.length > 0) await save(0, 0); // fitted codebooks are never fitted again

    let firstStep = resumed?.stepsIntoEpoch ?? 0;
    for (let epoch = epochs.length + 1; epoch <= recipe.epochs; epoch++) {
      const batches = epochBatches(random, epoch, train, settings.batch);
      for (let stepOfEpoch = firstStep; stepOfEpoch < steps; stepOfEpoch++) {
        const step = (epoch - 1) * steps + stepOfEpoch;
        if (signal.aborted) {
          await save(step, stepOfEpoch);
          signal.throwIfAborted();
        }
        const losses = await recipe.step(batches[stepOfEpoch]!, { epoch, stepOfEpoch, step });
        report({ phase: recipe.phase, done: step + 1, total: totalSteps, detail: `epoch ${epoch}, ${losses}` });
        const due = (stepOfEpoch + 1) % settings.checkpointSteps === 0 && stepOfEpoch + 1 < steps;
        if (due) await save(step + 1, stepOfEpoch + 1);
      }
      firstStep = 0;
      const record = await recipe.endOfEpoch(epoch, measure);
      epochs.push(record);
      await input.onRecord(record);
      await save(epoch * steps, 0);
    }
    const arrays = await recipe.state();
    return { ...(await recipe.finish()), steps: recipe.epochs * steps, arrays, passes, epochs, seconds: seconds() };
  } finally {
    await recipe.dispose();
  }
}

/** A fixed sample of the training latents for measuring, in order. */
export function measuredRows(random: Random, samples: number, limit: number): Int32Array {
  if (samples <= limit) return Int32Array.from({ length: samples }, (_, row) => row);
  return random.fork("measured rows").sample(samples, limit).sort();
}
