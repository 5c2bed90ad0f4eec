/** @revq/train: from images or latents to a tokenizer. Configuration, recipes, evaluation; no printing. */
export * from "./ablation/index.js";
export { annotateConfig } from "./config/annotate.js";
export { defineConfig, type UserConfig } from "./config/define-config.js";
export { environmentLayer, setPath } from "./config/environment.js";
export { resolveConfig, type NamedLayer, type ResolvedConfig } from "./config/layers.js";
export { configSchema, type JsonSchema } from "./config/json-schema.js";
export { presetNames, presets, type PresetName } from "./config/presets.js";
export { mostReportImages, runConfigSchema, type ConfigLayer, type RunConfig } from "./config/schema.js";
export {
  extractToStore,
  preprocessing,
  type ExtractReport,
  type ExtractToStoreInput,
  type StoreKey,
} from "./extract.js";
export { fittedBackbone, savedBackboneFile } from "./saved-backbone.js";
export {
  evaluateImages,
  evaluateLatents,
  scoredShape,
  scoreImages,
  scoreLatents,
  summarizeScores,
  type EvaluateOptions,
  type ImageEvaluation,
  type Panel,
  type Scored,
  type Scores,
} from "./evaluate.js";
export type { MetricNetworks } from "./evaluation/image-score.js";
export { openInception, openLpips, openMetricNetworks, type NetworkPlaces } from "./evaluation/open-networks.js";
export { readLossCurves, tokenizerPage, type ReportInput } from "./evaluation/report.js";
export {
  hasScorePart,
  holdsScoreParts,
  joinScoreParts,
  partRange,
  writeScorePart,
  type EvaluationKey,
  type JoinedScores,
} from "./evaluation/score-parts.js";
export { scoreNotes, scoreRows, type ScoreRow } from "./evaluation/score-rows.js";
export { createAdamW, type AdamW, type ParameterGroup } from "./optimizer/adamw.js";
export { clipByGlobalNorm, clipScale } from "./optimizer/clip.js";
export { createPaperStep, type PaperStep, type RectifierGradients, type SearchedBatch } from "./paper-step.js";
export { makePlanned, planTraining, type MadePlan, type PlanSummary, type TrainingPlan } from "./plan.js";
export * from "./records.js";
export { createBackbone, prepareLatents, type TrainDependencies, type TrainOptions } from "./prepare.js";
export { storeBackboneId } from "./store-backbone.js";
export { trainTokenizer } from "./train.js";
export { noteSkipped, openTrainingImages, type SampleImages, type TrainingImages } from "./training-data.js";
