/** @revq/report: what was measured, as one HTML page. Plain data in, a string out; reads and writes no file. */
export { comparisonPage, type ComparedTrial, type Comparison, type RateDistortionBound } from "./comparison-page.js";
export { evaluationPage } from "./evaluation-page.js";
export type {
  BeforeAfter,
  EvaluationReport,
  GroupDetails,
  LatentDetails,
  LossCurves,
  ReportImage,
} from "./evaluation-data.js";
