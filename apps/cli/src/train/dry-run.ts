/** `revq train --dry-run`: describes a run without running it. */
import { createRandom, latentShapeOf, type LatentShape } from "@revq/core";
import {
  createBackbone,
  openGivenLatents,
  openTrainingImages,
  candidateNames,
  planCandidates,
  planLines,
  type PlanSummary,
  type TrainDependencies,
} from "@revq/train";
import { annotateConfig, type ResolvedConfig, type RunConfig } from "@revq/train/config";

/** The figures are those of the best guess. */
export interface DryRunReport extends PlanSummary {
  readonly dryRun: true;
  /** What the run will measure to choose transform, split and groups; one where nothing is open. */
  readonly candidates: readonly string[];
  readonly backboneParameters: number;
  readonly reasons: readonly string[];
  readonly warnings: readonly string[];
  readonly config: RunConfig;
}

interface Data {
  readonly latentShape: LatentShape;
  readonly samples: number;
  readonly what: "latents" | "images";
  /** 0 without a backbone, and for one that is still to be fitted. */
  readonly backboneParameters: number;
}

export async function dryRun(
  resolved: ResolvedConfig,
  dependencies: TrainDependencies,
): Promise<{ report: DryRunReport; text: string }> {
  const { config } = resolved;
  const { plugins, report, signal } = dependencies;
  const { latentShape, samples, what, backboneParameters } = await openData(resolved, dependencies);
  const context = { random: createRandom(config.seed), report, signal };
  const plans = await planCandidates({ config, latentShape, samples, plugins, context });
  const { summary, reasons, warnings } = plans[0]!;
  const candidates = candidateNames(plans);
  const guess = plans.length > 1 ? " (the first guess)" : "";
  const count = (value: number): string => value.toLocaleString("en-US");
  const { parameters } = summary;
  const codes = summary.codes.every((size) => size === summary.codes[0])
    ? `${summary.codes[0]} codes`
    : "different numbers of codes";
  const text = [
    annotateConfig(resolved, plugins, { pinned: true }).trimEnd(),
    "",
    `latent           [${summary.latentShape.join(", ")}] (c, h, w)`,
    `training data    ${count(samples)} ${what}`,
    `transform        ${summary.transform}${guess}`,
    `tokens           ${summary.tokens} in ${summary.groups} groups of ${codes}${guess}`,
    `bits per image   ${summary.bitsPerImage.toFixed(0)}`,
    `samples per code ${summary.samplesPerCode.toFixed(1)}`,
    `parameters       transform ${count(parameters.transform)}, codebooks ${count(parameters.codebooks)}, rectifier ${count(parameters.rectifier)}, backbone ${
      backboneParameters ? `${count(backboneParameters)} (frozen)` : "none, or fitted on the images"
    }`,
    ...planLines(plans)
      .filter((line) => !warnings.includes(line))
      .map((line) => `- ${line}`),
    ...warnings.map((warning) => `Warning: ${warning}`),
  ].join("\n");
  return { report: { dryRun: true, ...summary, candidates, backboneParameters, reasons, warnings, config }, text };
}

/** Shape and number of the latents, without encoding anything. */
async function openData(resolved: ResolvedConfig, dependencies: TrainDependencies): Promise<Data> {
  const { config } = resolved;
  const given = await openGivenLatents(resolved, dependencies);
  if (given) {
    given.backbone?.dispose();
    return { latentShape: given.train.shape, samples: given.train.count, what: "latents", backboneParameters: 0 };
  }
  const { train } = await openTrainingImages(config, dependencies.sampleImages, dependencies.note);
  const { backbone } = await createBackbone(config, dependencies);
  const isFitted = backbone.fit?.fitted ?? true;
  const backboneParameters = isFitted ? Object.values(backbone.state()).reduce((sum, { size }) => sum + size, 0) : 0;
  const latentShape = latentShapeOf(backbone.spec, config.data.imageSize);
  backbone.dispose();
  return { latentShape, samples: train.count, what: "images", backboneParameters };
}
