/** Fits the transform of a run on latents in its metric. */
import type { FitContext, Transform, TransformLayout } from "@revq/core";
import { LatentSpace, Standardizer, standardizedSource, type LatentStatistics, type Metric } from "@revq/tokenizer";
import type { LatentSet } from "../evaluation/latent-batches.js";
import type { TrainingInputs } from "./inputs.js";

export interface FittedLatentSpace {
  /** The caller disposes it. */
  readonly space: LatentSpace;
  readonly train: LatentSet;
  readonly val: LatentSet;
}

/** What does not depend on the transform. */
export interface LatentBasis {
  /** Of the training latents. */
  readonly statistics: LatentStatistics;
  readonly metric: MetricOf;
}

/** The metric of a transform. */
export type MetricOf = (transform: Pick<TransformLayout, "decorrelated">) => Metric;

/**
 * @param inputs `distinct`: number of training latents that are not views of others, see `LatentSet`
 * @param transform belongs to the space afterwards
 */
export async function fitLatentSpace(
  inputs: Pick<TrainingInputs, "train" | "val"> & { readonly distinct?: number },
  transform: Transform,
  basis: LatentBasis,
  context: FitContext,
): Promise<FittedLatentSpace> {
  const { statistics } = basis;
  const metric = basis.metric(transform.layout);
  const space = new LatentSpace(Standardizer.fromStatistics(inputs.train.shape, statistics), transform, metric);
  await transform.fit(space.innerSource(inputs.train), { ...context, random: context.random.fork("codebooks") });
  const identity = metric.id === "standardized" && transform.variances === null && (await transform.host()) === null;
  const latentSet = async (half: "train" | "val"): Promise<LatentSet> => {
    const standardized = standardizedSource(inputs[half], statistics);
    return { standardized, coefficients: identity ? standardized : await space.source(inputs[half]) };
  };
  const train = { ...(await latentSet("train")), distinct: inputs.distinct ?? inputs.train.count };
  return { space, train, val: await latentSet("val") };
}
