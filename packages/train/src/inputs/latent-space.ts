/**
 * Fits the latent space of a run: statistics of the training latents, then the transform on
 * standardized latents.
 */
import type { FitContext, Transform } from "@revq/core";
import { LatentSpace, measureLatents, Standardizer, standardizedSource, type LatentStatistics } from "@revq/tokenizer";
import type { LatentSet } from "../evaluation/latent-batches.js";
import type { TrainingInputs } from "./inputs.js";

export interface FittedLatentSpace {
  /** The caller disposes it. */
  readonly space: LatentSpace;
  /** Of the training latents. */
  readonly statistics: LatentStatistics;
  readonly train: LatentSet;
  readonly val: LatentSet;
}

/**
 * @param transform belongs to the space afterwards
 * @param standardize false: the transform sees latents that are only centred
 */
export async function fitLatentSpace(
  inputs: Pick<TrainingInputs, "train" | "val">,
  transform: Transform,
  standardize: boolean,
  context: FitContext,
): Promise<FittedLatentSpace> {
  const statistics = await measureLatents(inputs.train);
  const space = new LatentSpace(Standardizer.fromStatistics(inputs.train.shape, statistics), transform, standardize);
  await transform.fit(space.innerSource(inputs.train), { ...context, random: context.random.fork("codebooks") });
  const identity = standardize && transform.variances === null && (await transform.host()) === null;
  const latentSet = async (half: "train" | "val"): Promise<LatentSet> => {
    const standardized = standardizedSource(inputs[half], statistics);
    return { standardized, coefficients: identity ? standardized : await space.source(inputs[half]) };
  };
  return { space, statistics, train: await latentSet("train"), val: await latentSet("val") };
}
