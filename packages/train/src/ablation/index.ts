/** Ablations: which trials, in which order, and what is kept of them. */
export {
  isAblation,
  joinAblation,
  runAblation,
  type AblatedPart,
  type AblateResult,
  type AblationInput,
  type JoinedAblation,
  type TrialRunner,
} from "./ablation.js";
export { expandGrid, parseGrid, type Grid, type GridTrial } from "./grid.js";
export { ablationPage, type AblationOutcome, type PageInput } from "./page.js";
export { runScheduled, type Scheduled } from "./schedule.js";
export { rankTrials, spendEqualBits, unequalBits, type Ranking } from "./ranking.js";
export { trialRow, trialsCsv, type TrialRow } from "./table.js";
export {
  messageOf,
  planTrials,
  trialHash,
  TrialRecords,
  type FailedTrial,
  type FinishedTrial,
  type Trial,
  type TrialConfig,
} from "./trials.js";
