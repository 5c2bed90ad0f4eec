/** What a run ends with: the tokenizer's config.json and the result for tables and JSON. */
import {
  bitsPerImage,
  latentShapeToArray,
  vocabularySize,
  type MetricId,
  type PluginKind,
  type PluginRegistry,
} from "@revq/core";
import { formatVersion, tokenRecord, type DecoderConfig, type Tokenizer, type TokenizerConfig } from "@revq/tokenizer";
import type { RunConfig } from "../config/schema.js";
import type { ImageCounts } from "../inputs/image-counts.js";
import type { TrainingInputs } from "../inputs/inputs.js";
import type { ChoiceRecord, PluginSelection, TrainingPlan } from "../plan/index.js";
import type { PictureStageResult } from "../pictures/stage.js";
import type { RecipeResult } from "../recipes/driver.js";
import { codebookSizesForJson, type LatentError, type TokenizerMetrics, type TrainResult } from "./records.js";

/** What the tokenizer has beside its plan. */
export interface KeptParts {
  readonly metric: MetricId;
  readonly rectifier: PluginSelection;
  readonly decoder: DecoderConfig | null;
}

export function tokenizerConfig(
  config: RunConfig,
  inputs: Pick<TrainingInputs, "backboneConfig" | "imageSize">,
  { latentShape, transform, quantizer, summary }: TrainingPlan,
  { metric, rectifier, decoder }: KeptParts,
  plugins: PluginRegistry,
): TokenizerConfig {
  const layout = plugins.get("quantizer", quantizer.id).layout(quantizer.options, latentShape).layout;
  const plain = (kind: PluginKind, { id, options }: PluginSelection): TokenizerConfig["quantizer"] => ({
    id,
    package: plugins.packageOf(kind, id),
    options: { ...options },
  });
  return {
    formatVersion,
    latentShape: latentShapeToArray(latentShape),
    imageSize: inputs.imageSize,
    backbone: inputs.backboneConfig,
    metric,
    transform: plain("transform", transform),
    quantizer: plain("quantizer", quantizer),
    rectifier: plain("rectifier", rectifier),
    decoder,
    tokens: {
      tokens: summary.tokens,
      groups: summary.groups,
      codes: codebookSizesForJson(summary.codes),
      vocabulary: vocabularySize(layout, "groups"),
      bitsPerImage: bitsPerImage(layout),
    },
    layout: tokenRecord({ layout, latentShape, transform: transform.layout, imageSize: inputs.imageSize }),
    training: { recipe: config.recipe, preset: config.preset, seed: config.seed },
  };
}

export interface TrainResultInput {
  /** Absolute path of the output folder. */
  readonly folder: string;
  readonly tokenizer: Tokenizer;
  /** On held-out data. */
  readonly metrics: TokenizerMetrics;
  readonly latentMseTrain: LatentError;
  readonly trained: RecipeResult;
  readonly pictures: PictureStageResult | null;
  readonly samplesPerCode: number;
  readonly choice: ChoiceRecord | null;
  readonly engine: string;
  readonly counts: ImageCounts;
  readonly data: Pick<TrainingInputs, "trainedOn" | "heldOut">;
  /** Of encoding. */
  readonly extractSeconds: number;
}

export function trainResult(input: TrainResultInput): TrainResult {
  const { folder, tokenizer, metrics, latentMseTrain, trained, pictures, samplesPerCode, choice } = input;
  const { layout, config } = tokenizer;
  const { idCounts } = trained;
  const { images: _images, ...ofVal } = metrics;
  return {
    tokenizer: folder,
    ...input.data,
    latentShape: config.latentShape,
    ...input.counts,
    ...ofVal,
    latentMseTrain,
    tokens: layout.count,
    codes: codebookSizesForJson(layout.codebookSizes),
    samplesPerCode,
    usage: idCounts.usage,
    perplexity: idCounts.perplexity,
    entropy: idCounts.bitsPerImage / layout.count,
    measuredBitsPerImage: idCounts.bitsPerImage,
    engine: input.engine,
    choice,
    seconds: { extract: input.extractSeconds, ...trained.seconds, trainPictures: pictures?.seconds ?? 0 },
    pictures: pictures ? { kept: pictures.kept, steps: pictures.steps, scores: pictures.records } : null,
    epochs: trained.epochs,
  };
}
