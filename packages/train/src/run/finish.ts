/**
 * The end of a run: measures the tokenizer on held-out data and writes the result, the model card
 * and the pages.
 */
import type { FitContext } from "@revq/core";
import type { Tokenizer } from "@revq/tokenizer";
import type { RunConfig } from "../config/schema.js";
import { evaluateImages, type MeasuredImages } from "../evaluation/evaluate-images.js";
import { evaluateLatents } from "../evaluation/evaluate-latents.js";
import { distinctLatents, measuringBatch, type LatentSet } from "../evaluation/latent-batches.js";
import { measureLatentError } from "../evaluation/latent-error.js";
import { openMetricNetworks } from "../evaluation/open-networks.js";
import { tokenizerPage } from "../evaluation/report.js";
import { cropKinds, cropsFile, makeSameCrops } from "../evaluation/same-crops.js";
import { gapText } from "../evaluation/training-gap.js";
import type { TrainDependencies, TrainingInputs } from "../inputs/inputs.js";
import { choiceSentence, type ChoiceRecord } from "../plan/choice.js";
import { pictureSentence } from "../pictures/text.js";
import type { PictureStageResult } from "../pictures/stage.js";
import { measuredRows, type RecipeResult } from "../recipes/driver.js";
import { modelCard } from "./model-card.js";
import type { LatentError, TrainResult } from "./records.js";
import { trainResult } from "./result.js";
import type { RunFolder } from "./run-folder.js";
import type { RunLog } from "./run-log.js";
import { writeSamples } from "./samples.js";

export interface FinishInput {
  readonly config: RunConfig;
  /** The text of run/config.yaml. */
  readonly pinned: string;
  readonly inputs: TrainingInputs;
  /** The training latents as the recipe saw them. */
  readonly train: LatentSet;
  readonly tokenizer: Tokenizer;
  readonly trained: RecipeResult;
  readonly pictures: PictureStageResult | null;
  readonly samplesPerCode: number;
  readonly choice: ChoiceRecord | null;
  readonly folder: RunFolder;
  readonly log: RunLog;
  readonly context: Pick<FitContext, "random" | "report" | "signal">;
}

export async function finishRun(input: FinishInput, dependencies: TrainDependencies): Promise<TrainResult> {
  const { config, pinned, inputs, tokenizer, trained, pictures, samplesPerCode, choice, folder, log } = input;
  const { trainedOn, heldOut } = inputs;
  const { imageSize } = config.data;
  const { reportImages } = config.score;
  const measured = await measure(input, dependencies);
  const { metrics, details, panels } = measured;
  if (panels.length) await writeSamples(folder.path("run", "samples.png"), panels, imageSize);
  await writeSameCrops(input);
  const result = trainResult({
    folder: folder.root,
    tokenizer,
    metrics,
    latentMseTrain: await trainingError(input),
    trained,
    pictures,
    samplesPerCode,
    choice,
    engine: dependencies.engine,
    counts: inputs.counts,
    data: { trainedOn, heldOut },
    extractSeconds: inputs.seconds,
  });
  const usage = dependencies.usage?.(tokenizer.config);
  const card = { config: tokenizer.config, result, trainedOn, heldOut, ...(usage === undefined ? {} : { usage }) };
  await folder.write("README.md", modelCard(card));
  const { epochs: _epochs, tokenizer: _path, ...final } = result;
  await log.finish(final, measured, imageSize);
  const page = await tokenizerPage({
    title: "A training run",
    summary: [
      `Trained on ${trainedOn}.`,
      ...(choice ? [choiceSentence(choice)] : []),
      ...(pictures ? [pictureSentence(pictures)] : []),
      gapText(result),
      `Measured on ${heldOut}; codes in use are those of the training data.`,
    ],
    metrics: result,
    count: metrics.images,
    details,
    loss: trained,
    ...(inputs.images && reportImages > 0 ? { images: { ...shownOn(measured, reportImages), size: imageSize } } : {}),
    configs: [
      { label: "config.json", value: tokenizer.config },
      { label: "run/config.yaml", value: pinned },
    ],
  });
  await folder.write("run/report/index.html", page);
  return result;
}

/** For pages that compare runs. */
async function writeSameCrops({ config, inputs, tokenizer, folder, context }: FinishInput): Promise<void> {
  if (!inputs.images || !tokenizer.backbone.spec.decodes) return;
  const options = { batch: config.train.encodeBatch, signal: context.signal };
  const strips = await makeSameCrops(tokenizer, inputs.images.val, options);
  for (const kind of cropKinds) if (strips) await folder.write(cropsFile(kind), strips[kind]);
}

/** Rows of samples.png, at most. */
const samples = 8;

/** The page shows as many typical images as worst ones. */
function shownOn(
  { panels, worst, best }: MeasuredImages,
  count: number,
): Pick<MeasuredImages, "panels" | "worst" | "best"> {
  return { panels: panels.slice(0, count), worst, best };
}

/** Latents that the training error is measured on, at most. */
const maxMeasured = 128;

function trainingError({ config, tokenizer, train, context: { random } }: FinishInput): Promise<LatentError> {
  const limit = Math.min(maxMeasured, config.train.measureSamples);
  const rows = measuredRows(random, distinctLatents(train), limit);
  return measureLatentError({
    codec: tokenizer.parts,
    latents: train,
    rows,
    batch: measuringBatch(train.standardized),
  });
}

/** On held-out images where there are any, else on held-out latents. */
async function measure(
  { config, inputs, tokenizer, trained, context: { report, signal } }: FinishInput,
  { openWeights }: Pick<TrainDependencies, "openWeights">,
): Promise<MeasuredImages> {
  const options = { batch: config.train.encodeBatch, prior: trained.prior, report, signal };
  if (!inputs.images) {
    const measured = await evaluateLatents(tokenizer, inputs.val, { ...options, batch: 64 });
    return { ...measured, panels: [], worst: [], best: [] };
  }
  const networks = await openMetricNetworks(config.score, openWeights);
  try {
    const { photographOf } = inputs.images;
    const shown = { panels: samples, extremes: config.score.reportImages, photographOf };
    return await evaluateImages(tokenizer, inputs.images.val, { ...options, ...shown, networks });
  } finally {
    networks.dispose();
  }
}
