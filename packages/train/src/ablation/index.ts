/** Ablations: what to try, in which order, and what is kept of it. */
export { expandGrid, parseGrid, type Grid, type Trial } from "./grid.js";
export { runScheduled, type Scheduled } from "./schedule.js";
export {
  printOf,
  trialConfig,
  trialRow,
  TrialRecords,
  trialsCsv,
  type FailedTrial,
  type FinishedTrial,
  type TrialConfig,
  type TrialRow,
} from "./trial-records.js";
