/**
 * An ablation: many trials, alone or shared by several processes. Each process runs every n-th
 * trial and writes its part when it is through. Joined, the parts give the report that one process
 * would have written.
 *
 * The folder holds `ablation.json` (what all parts agree on), `parts/`, `results/` (one record per
 * finished trial), `trials/` (the tokenizers), `latents/` (shared), and at the end `report.html`
 * and `trials.csv`.
 */
import { RevqError } from "@revq/core";
import { sha256, writeFileAtomic } from "@revq/formats/node";
import { cp, mkdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { doPart, unitsOfPart, wholeJob, type Part, type SharedJob } from "@revq/data";
import { gatherParts, PartFiles, type PartFormat } from "../parts/part-files.js";
import type { TrainResult } from "../run/records.js";
import type { Grid } from "./grid.js";
import { ablationPage, type AblationOutcome } from "./page.js";
import { readPictures } from "./pictures.js";
import { runScheduled } from "./schedule.js";
import { rankTrials, type Ranking } from "./ranking.js";
import { trialRow, trialsCsv, type TrialRow } from "./table.js";
import {
  lacksMetrics,
  latentsKey,
  messageOf,
  trialFolder,
  TrialRecords,
  type FailedTrial,
  type FinishedTrial,
  type Trial,
  type TrialConfig,
} from "./trials.js";

export interface AblationInput {
  /** Absolute path of the output folder. */
  readonly root: string;
  readonly grid: Grid;
  readonly trials: readonly Trial[];
  /** Trials without valid settings. */
  readonly impossible: readonly FailedTrial[];
  /** Null: one process runs all trials. */
  readonly part: Part | null;
  /** How many trials run at once. */
  readonly jobs: number;
  readonly runner: TrialRunner;
  readonly note: (line: string) => void;
  /**
   * @param done finished and failed trials of this part @param running the trial that starts, or ""
   */
  readonly progress: (done: number, total: number, running: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Runs a trial, in a process of its own for instance. Rejects with the trial's error, or
 * `signal.reason` when stopped.
 */
export interface TrialRunner {
  /**
   * @param folder the name of the trial's folder below `trials/`; other settings have another
   * folder
   */
  train(folder: string, trial: Trial): Promise<TrainResult>;
  /** Measures the tokenizer of a finished trial again, for metrics that it lacks. */
  measure(folder: string, trial: Trial, result: TrainResult): Promise<TrainResult>;
}

export interface AblateResult {
  readonly trials: readonly TrialRow[];
  readonly failed: readonly { readonly name: string; readonly error: string }[];
  /** Path of the page. */
  readonly report: string;
  /** Path of the table. */
  readonly csv: string;
  /** The best trial and the Pareto front; null when no trial finished. */
  readonly ranking: Ranking | null;
}

export interface JoinedAblation {
  readonly outcome: AblationOutcome;
  readonly result: AblateResult;
}

/** Outcome of one part; `joined` is null while other parts are missing. */
export interface AblatedPart extends AblationOutcome {
  readonly joined: JoinedAblation | null;
}

/** What all parts agree on. */
interface AblationPlan {
  readonly formatVersion: 2;
  readonly parts: number;
  readonly grid: Grid;
  readonly trials: readonly { readonly name: string; readonly config: TrialConfig }[];
  readonly impossible: readonly FailedTrial[];
}

interface AblationKey {
  /** Hash of `ablation.json`. */
  readonly plan: string;
  readonly parts: number;
}

const planFile = "ablation.json";
const partsFolder = "parts";

const ablationFormat: PartFormat<AblationKey, readonly FailedTrial[]> = {
  job: "ablation",
  extension: "json",
  parts: (key) => key.parts,
  encode: (header, failed) => `${JSON.stringify({ ...header, failed }, null, 2)}\n`,
  async decodeHeader(path) {
    const { key, part } = JSON.parse(await readFile(path, "utf8")) as { key: AblationKey; part: number };
    return { key, part };
  },
  decodeResult: async (path) => (JSON.parse(await readFile(path, "utf8")) as { failed: FailedTrial[] }).failed,
};

/** True when the folder holds an ablation. */
export async function isAblation(folder: string): Promise<boolean> {
  return (await stat(join(folder, planFile)).catch(() => null))?.isFile() ?? false;
}

/** Runs the trials of one part; the last part to finish joins them all. */
export async function runAblation(input: AblationInput): Promise<AblatedPart> {
  const { root, grid, trials, impossible, signal } = input;
  const part = input.part ?? wholeJob;
  const plan: AblationPlan = {
    formatVersion: 2,
    parts: part.count,
    grid,
    trials: trials.map(({ name, settings }) => ({ name, config: settings })),
    impossible,
  };
  const files = new PartFiles(join(root, partsFolder), ablationFormat, keyOf(plan));
  const job: SharedJob<readonly FailedTrial[], JoinedAblation> = {
    units: part.count,
    async begin() {
      await mkdir(root, { recursive: true });
      await writeFileAtomic(join(root, planFile), planText(plan)); // the same bytes in every process
    },
    repeats: true, // finished trials have records
    write: (unit, failed) => files.write(unit, failed),
    missing: () => files.missing("ignore"), // trials may be added: parts of an earlier plan are missing
    join: () => joinAblation([root], root),
  };
  let own: AblationOutcome = { finished: [], failed: [] };
  const { joined } = await doPart(
    job,
    part,
    async () => {
      own = await runTrials({ ...input, trials: unitsOfPart(part, trials.length).map((index) => trials[index]!) });
      return own.failed;
    },
    signal,
  );
  return { ...own, joined };
}

async function runTrials(input: AblationInput): Promise<AblationOutcome> {
  const { root, trials, jobs, runner, note, progress, signal } = input;
  const records = new TrialRecords(join(root, "results"));
  const finished = new Map<string, FinishedTrial>();
  const failed: FailedTrial[] = [];
  const open: Trial[] = [];
  for (const trial of trials) {
    const before = await records.read(trial.name, trial.settings);
    if (before) finished.set(trial.name, before);
    if (!before || lacksMetrics(trial.config, before.result)) open.push(trial);
  }
  const toMeasure = open.filter(({ name }) => finished.has(name)).length;
  const again = toMeasure > 0 ? `; ${toMeasure} of those are measured again` : "";
  note(`${trials.length} trials, ${finished.size} of them finished before${again}.`);

  const showProgress = (running: string): void =>
    progress(Math.min(trials.length, finished.size + failed.length), trials.length, running);
  await runScheduled(
    open.map((trial) => ({ trial, key: trial.config.data.latents === null ? latentsKey(trial.config) : trial.name })),
    jobs,
    async (trial) => {
      const { name, settings } = trial;
      showProgress(name);
      try {
        const folder = trialFolder(trial);
        const before = finished.get(name);
        const result = await (before ? runner.measure(folder, trial, before.result) : runner.train(folder, trial));
        const record: FinishedTrial = { name, config: settings, result };
        await records.write(record);
        finished.set(name, record);
        note(`${name}: latent mse ${result.latentMse.rectified.toFixed(4)} at ${result.bitsPerImage.toFixed(0)} bits`);
        return true;
      } catch (error) {
        signal.throwIfAborted();
        failed.push({ name, config: settings, error: messageOf(error) });
        note(`${name} failed: ${messageOf(error)}`);
        return false;
      } finally {
        showProgress("");
      }
    },
  );
  return { finished: trials.flatMap(({ name }) => finished.get(name) ?? []), failed };
}

/**
 * Checks that all parts exist, of the same ablation, and that every trial is finished or has
 * failed. Then writes the page and the table into `out`. Folders of machines without a common disk
 * are copied there. Throws `ablation-unfinished`, `ablation-mixed`, `ablation-damaged`.
 */
export async function joinAblation(folders: readonly string[], out: string): Promise<JoinedAblation> {
  const text = await readFile(join(folders[0]!, planFile), "utf8");
  const plan = JSON.parse(text) as AblationPlan;
  for (const folder of folders) {
    if ((await readFile(join(folder, planFile), "utf8")) === text) continue;
    throw new RevqError("ablation-mixed", `${folder} is of another ablation than ${folders[0]}: their plans differ.`, {
      fix: "Run every part with the same settings and the same number of parts.",
    });
  }
  const parts = folders.map((folder) => join(folder, partsFolder));
  const { results } = await gatherParts(parts, ablationFormat, keyOf(plan)); // parts of an earlier plan do not count
  await mkdir(out, { recursive: true });
  for (const folder of folders) {
    if (resolve(folder) === resolve(out)) continue;
    for (const name of ["results", "trials"]) {
      const from = join(folder, name);
      if (await stat(from).catch(() => null)) await cp(from, join(out, name), { recursive: true });
    }
  }
  const records = new TrialRecords(join(out, "results"));
  const finished = await Promise.all(
    plan.trials.map(async ({ name, config }) => (await records.read(name, config)) ?? []),
  );
  const outcome = { finished: finished.flat(), failed: [...plan.impossible, ...results.flat()] };
  const known = new Set([...outcome.finished, ...outcome.failed].map(({ name }) => name));
  const lost = plan.trials.find(({ name }) => !known.has(name));
  if (lost) {
    throw new RevqError("ablation-unfinished", `The trial ${lost.name} neither finished nor failed.`, {
      fix: "Run its part again: finished trials are not run twice.",
    });
  }
  return writeOutcome(resolve(out), outcome, plan.grid);
}

async function writeOutcome(root: string, outcome: AblationOutcome, grid: Grid): Promise<JoinedAblation> {
  const rows = outcome.finished.map(trialRow);
  const report = join(root, "report.html");
  const csv = join(root, "trials.csv");
  const ranking = rankTrials(rows);
  const pictures = await readPictures(join(root, "trials"), outcome.finished);
  const title = `${rows.length} tokenizers compared`;
  await writeFileAtomic(report, ablationPage(outcome, { title, settings: grid, ranking, pictures }));
  await writeFileAtomic(csv, trialsCsv(rows));
  const failed = outcome.failed.map(({ name, error }) => ({ name, error }));
  return { outcome, result: { trials: rows, failed, report, csv, ranking } };
}

function keyOf(plan: AblationPlan): AblationKey {
  return { plan: sha256(planText(plan)), parts: plan.parts };
}

function planText(plan: AblationPlan): string {
  return `${JSON.stringify(plan, null, 2)}\n`;
}
