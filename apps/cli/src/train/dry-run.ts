/** `revq train --dry-run`: what a run would be, without running it. */
import { isFittable, latentShapeOf } from "@revq/core";
import {
  annotateConfig,
  createBackbone,
  openTrainingImages,
  planTraining,
  prepareLatents,
  type PlanSummary,
  type ResolvedConfig,
  type RunConfig,
  type TrainDependencies,
} from "@revq/train";

export interface DryRunReport extends PlanSummary {
  readonly dryRun: true;
  readonly backboneParameters: number;
  readonly reasons: readonly string[];
  readonly warnings: readonly string[];
  readonly config: RunConfig;
}

export async function dryRun(
  resolved: ResolvedConfig,
  dependencies: TrainDependencies,
): Promise<{ report: DryRunReport; text: string }> {
  const { config } = resolved;
  const { plugins, note, sampleImages } = dependencies;
  let samples: number;
  let backboneParameters = 0;
  let latentShape;
  const latents = await prepareLatents(resolved, dependencies);
  if (latents) {
    ({ shape: latentShape, count: samples } = latents.train);
    latents.backbone?.dispose();
  } else {
    ({ count: samples } = (await openTrainingImages(config, sampleImages, note)).train);
    const backbone = await createBackbone(config, dependencies);
    latentShape = latentShapeOf(backbone.spec, config.data.imageSize);
    if (!isFittable(backbone) || backbone.fitted) {
      backboneParameters = Object.values(backbone.state()).reduce((sum, tensor) => sum + tensor.size, 0);
    }
    backbone.dispose();
  }
  const { summary, reasons, warnings } = planTraining(config, latentShape, samples, plugins);
  const count = (value: number): string => value.toLocaleString("en-US");
  const codes = summary.codes.every((code) => code === summary.codes[0])
    ? `${summary.codes[0]}`
    : "differing numbers of";
  const text = [
    annotateConfig(resolved, plugins, { pinned: true }).trimEnd(),
    "",
    `latent           [${summary.latentShape.join(", ")}] (c, h, w)`,
    `training data    ${count(samples)} ${latents ? "latents" : "images"}`,
    `tokens           ${summary.tokens} in ${summary.groups} groups of ${codes} codes`,
    `bits per image   ${summary.bitsPerImage.toFixed(0)}`,
    `samples per code ${summary.samplesPerCode.toFixed(1)}`,
    `parameters       codebooks ${count(summary.parameters.codebooks)}, rectifier ${count(summary.parameters.rectifier)}, backbone ${
      backboneParameters ? `${count(backboneParameters)} (frozen)` : "none, or fitted on the images"
    }`,
    ...reasons.map((reason) => `- ${reason}`),
    ...warnings.map((warning) => `Warning: ${warning}`),
  ].join("\n");
  return { report: { dryRun: true, ...summary, backboneParameters, reasons, warnings, config }, text };
}
