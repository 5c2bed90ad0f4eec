/**
 * What makes two runs the same run: settings without paths, and hashes of the data. Checkpoints
 * keep it.
 */
import { fingerprint, latentShapeToArray } from "@revq/core";
import { measureLatents, type LatentStatistics } from "@revq/tokenizer";
import type { RunConfig } from "../config/schema.js";
import type { MetricChoice } from "../inputs/latent-metric.js";
import type { TrainingInputs } from "../inputs/inputs.js";

/** The settings that decide the result; no paths. */
export function runSettings(config: RunConfig): Record<string, unknown> {
  const { recipe, seed, bits, transform, quantizer, rectifier, train: all } = config;
  const { keepCheckpoints: _keep, checkpointSteps: _every, encodeBatch: _batch, ...train } = all;
  // Of the networks that measure, LPIPS is learned from, and decides what is kept.
  const learned = recipe === "kmeans" && config.score.lpips !== null;
  const score = { lpips: learned ? config.score.lpipsNet : null };
  return { recipe, seed, bits, transform, quantizer, rectifier, train, score };
}

/** @param basis of the training latents */
export async function runIdentity(
  config: RunConfig,
  { train, val, backboneConfig }: TrainingInputs,
  basis: { readonly statistics: LatentStatistics; readonly metric: MetricChoice; readonly augmented: boolean },
): Promise<Record<string, unknown>> {
  return {
    ...runSettings(config),
    latentShape: latentShapeToArray(train.shape),
    samples: [train.count, val.count],
    statistics: [await hashOf(basis.statistics), await hashOf(await measureLatents(val))],
    metric: basis.metric,
    augmented: basis.augmented,
    backbone: backboneConfig?.fingerprint ?? null,
  };
}

/** Distinguishes two sets of latents: a hash of their means and standard deviations. */
function hashOf({ mean, std }: LatentStatistics): Promise<string> {
  return fingerprint({ mean: { shape: [mean.length], data: mean }, std: { shape: [std.length], data: std } });
}
