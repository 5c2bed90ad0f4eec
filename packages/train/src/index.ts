/**
 * @revq/train: from images or latents to a tokenizer. Configuration, recipes, evaluation,
 * ablations; it prints nothing.
 */
export * from "./ablation/index.js";
export * from "./config/index.js";
export { createDecoderAdapter, type DecoderAdapter } from "./decoder/adapter.js";
export { createAdversary, type Adversary, type AdversaryOptions } from "./decoder/adversary.js";
export { decoderBytes, planAdapter, type AdapterPlan } from "./decoder/adapter-shapes.js";
export { adaptationCost, type AdaptationCost } from "./decoder/choose.js";
export {
  measuredShape,
  summarizeMetrics,
  type MeasuredTokenizer,
  type MetricAccumulators,
} from "./evaluation/accumulators.js";
export {
  accumulateImages,
  evaluateImages,
  type EvaluateImagesOptions,
  type MeasuredImages,
  type MeasureImagesOptions,
} from "./evaluation/evaluate-images.js";
export { accumulateLatents, evaluateLatents, type EvaluateOptions } from "./evaluation/evaluate-latents.js";
export {
  evaluatePart,
  holdsEvaluationParts,
  joinEvaluation,
  type EvaluatedSource,
  type EvaluatePartOptions,
  type EvaluationKey,
  type JoinedEvaluation,
} from "./evaluation/evaluation-parts.js";
export type { MetricNetworks } from "./evaluation/image-accumulator.js";
export { disposeBatch, readBatch, type LatentBatch, type LatentSet } from "./evaluation/latent-batches.js";
export type { LatentCodec } from "./evaluation/latent-error.js";
export { metricNotes, metricRows, type MetricRow } from "./evaluation/metric-rows.js";
export { gapText } from "./evaluation/training-gap.js";
export { tooSmallForLpips, tooSmallForSsim } from "./evaluation/missing-scores.js";
export { openInception, openLpips, openMetricNetworks, type NetworkPaths } from "./evaluation/open-networks.js";
export type { Panel } from "./evaluation/panels.js";
export { readLossCurves, tokenizerPage, type ReportInput } from "./evaluation/report.js";
export {
  backboneFingerprint,
  createBackbone,
  fitBackbone,
  savedBackboneFile,
  type CreatedBackbone,
} from "./inputs/backbone.js";
export {
  extractToStore,
  preprocessing,
  type ExtractInput,
  type ExtractOutcome,
  type StoreKey,
} from "./inputs/extract.js";
export { countImages, countLatents, countsText, type ImageCounts } from "./inputs/image-counts.js";
export {
  imageOptions,
  noteEnlarged,
  noteImages,
  noteSkipped,
  openTrainingImages,
  type SampleImages,
  type TrainingImages,
} from "./inputs/images.js";
export type { TrainDependencies, TrainingInputs } from "./inputs/inputs.js";
export { fitLatentSpace, type FittedLatentSpace, type LatentBasis, type MetricOf } from "./inputs/latent-space.js";
export { openGivenLatents } from "./inputs/latents.js";
export { storeBackboneId } from "./inputs/store-backbone.js";
export { createAdamW, type AdamW, type ParameterGroup } from "./optimizer/adamw.js";
export { clipByGlobalNorm, clipScale } from "./optimizer/clip.js";
export { doPart, rangeOfPart, unitsOfPart, wholeJob, type Part, type PartOutcome, type SharedJob } from "@revq/data";
export { gatherParts, holdsParts, PartFiles, type PartFormat, type PartHeader } from "./parts/part-files.js";
export {
  candidateNames,
  createCodec,
  createTransform,
  planCandidates,
  planLines,
  planTraining,
  planWithLatents,
  type CandidateRecord,
  type ChoiceRecord,
  type PlanInput,
  type PlanSummary,
  type PluginSelection,
  type TrainingPlan,
} from "./plan/index.js";
export { createPaperStep, type PaperStep, type RectifierGradients, type SearchedBatch } from "./recipes/paper-step.js";
export { epochsOf } from "./recipes/epochs.js";
export { backboneText } from "./run/model-card.js";
export * from "./run/records.js";
export { trainTokenizer, type TrainOptions } from "./train.js";
