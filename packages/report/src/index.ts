/**
 * @revq/report: measurements as one HTML page. Plain data in, a string out; it reads and writes no
 * file.
 */
export { comparisonPage } from "./comparison-page.js";
export type { ComparedRanking, ComparedTrial, Comparison, RateDistortionBound, TrialCrops } from "./comparison-data.js";
export { evaluationPage } from "./evaluation-page.js";
export { decimals, percent } from "./format.js";
export { reportMark } from "./page.js";
export type {
  BeforeAfter,
  EvaluationReport,
  GroupDetails,
  LatentDetails,
  LossCurves,
  ReportImage,
} from "./evaluation-data.js";
