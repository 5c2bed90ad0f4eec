/**
 * An ablation that several processes share: each runs every n-th trial and leaves `parts/part-00003-of-00016.json` when it is through;
 * `ablation.json` says what all parts agree on. Joined, they give the report that one process would have written.
 */
import { RevqError } from "@revq/core";
import { writeFileAtomic } from "@revq/formats/node";
import {
  trialRow,
  TrialRecords,
  trialsCsv,
  type FailedTrial,
  type Grid,
  type TrialConfig,
  type TrialRow,
} from "@revq/train";
import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ablationPage, trialsTable, type AblationOutcome } from "./compare.js";

export interface AblateResult {
  readonly trials: readonly TrialRow[];
  readonly failed: readonly { readonly name: string; readonly error: string }[];
  readonly report: string;
  readonly csv: string;
}

/** What all parts agree on. */
export interface AblationPlan {
  readonly formatVersion: 1;
  readonly parts: number;
  readonly asked: Grid;
  readonly trials: readonly { readonly name: string; readonly config: TrialConfig }[];
  /** Those that no settings could be made of. */
  readonly impossible: readonly FailedTrial[];
}

interface PartRecord {
  /** Digest of the plan. */
  readonly plan: string;
  readonly part: number;
  readonly failed: readonly FailedTrial[];
}

const planFile = "ablation.json";
const partsFolder = "parts";

function partFile(part: number, parts: number): string {
  const digits = (value: number): string => String(value).padStart(5, "0");
  return `part-${digits(part)}-of-${digits(parts)}.json`;
}

export async function isAblation(folder: string): Promise<boolean> {
  return (await stat(join(folder, planFile)).catch(() => null))?.isFile() ?? false;
}

/** Every process of one ablation writes the same bytes; trials may be added later. */
export async function beginAblation(root: string, plan: AblationPlan): Promise<void> {
  await writeFileAtomic(join(root, planFile), planText(plan));
}

export async function writePart(
  root: string,
  plan: AblationPlan,
  part: number,
  failed: readonly FailedTrial[],
): Promise<void> {
  const record: PartRecord = { plan: digest(planText(plan)), part, failed };
  await mkdir(join(root, partsFolder), { recursive: true });
  await writeFileAtomic(join(root, partsFolder, partFile(part, plan.parts)), `${JSON.stringify(record, null, 2)}\n`);
}

/**
 * Checks that every part is there, once, of the same ablation, and that every trial is finished or has failed; then writes the report
 * and the table into `out`. Folders of machines without a common disk are copied there. Throws `ablation-unfinished`, `ablation-mixed`.
 */
export async function joinAblation(
  folders: readonly string[],
  out: string,
): Promise<{ result: AblateResult; text: string }> {
  const text = await readFile(join(folders[0]!, planFile), "utf8");
  const plan = JSON.parse(text) as AblationPlan;
  const parts = new Map<number, PartRecord>();
  for (const folder of folders) {
    if ((await readFile(join(folder, planFile), "utf8")) !== text) throw mixed(folder, "its plan differs");
    const names = await readdir(join(folder, partsFolder)).catch(() => []);
    for (const name of names.filter((name) => /^part-.*\.json$/.test(name)).sort()) {
      const record = JSON.parse(await readFile(join(folder, partsFolder, name), "utf8")) as PartRecord;
      if (record.plan !== digest(text) || name !== partFile(record.part, plan.parts)) {
        throw mixed(join(folder, partsFolder, name), "it is of other trials or another number of parts");
      }
      if (parts.has(record.part)) throw mixed(join(folder, partsFolder, name), "another folder has that part too");
      parts.set(record.part, record);
    }
  }
  const missing = Array.from({ length: plan.parts }, (_, part) => part).filter((part) => !parts.has(part));
  if (missing.length > 0) {
    throw new RevqError(
      "ablation-unfinished",
      `${missing.length} of ${plan.parts} parts of the ablation are missing (${missing.slice(0, 8).join(", ")}).`,
      { fix: `Run them: revq ablate … --shard ${missing[0]}/${plan.parts}` },
    );
  }
  await mkdir(out, { recursive: true });
  for (const folder of folders) {
    if (resolve(folder) === resolve(out)) continue;
    for (const name of ["results", "trials"]) {
      const from = join(folder, name);
      if (await stat(from).catch(() => null)) await cp(from, join(out, name), { recursive: true });
    }
  }
  const records = new TrialRecords(join(out, "results"));
  const outcome: AblationOutcome = {
    finished: (
      await Promise.all(plan.trials.map(async ({ name, config }) => (await records.read(name, config)) ?? []))
    ).flat(),
    failed: [...plan.impossible, ...[...parts.values()].flatMap(({ failed }) => failed)],
  };
  const known = new Set([...outcome.finished, ...outcome.failed].map(({ name }) => name));
  const lost = plan.trials.find(({ name }) => !known.has(name));
  if (lost) {
    throw new RevqError("ablation-unfinished", `The trial ${lost.name} neither finished nor failed.`, {
      fix: "Run its part again: what is finished is not run twice.",
    });
  }
  return writeOutcome(resolve(out), outcome, plan.asked);
}

/** The report, the table, and what is said about them. @param asked what the user asked for */
export async function writeOutcome(
  root: string,
  outcome: AblationOutcome,
  asked: unknown,
): Promise<{ result: AblateResult; text: string }> {
  const rows = outcome.finished.map(trialRow);
  const report = join(root, "report.html");
  const csv = join(root, "trials.csv");
  await writeFileAtomic(report, ablationPage(outcome, `${rows.length} tokenizers compared`, asked));
  await writeFileAtomic(csv, trialsCsv(rows));
  const failed = outcome.failed.map(({ name, error }) => ({ name, error }));
  const text = [
    `\n${trialsTable(outcome)}`,
    ...failed.map(({ name, error }) => `Failed: ${name}: ${error}`),
    `\nReport: ${report}\nTable:  ${csv}`,
  ].join("\n");
  return { result: { trials: rows, failed, report, csv }, text };
}

function planText(plan: AblationPlan): string {
  return `${JSON.stringify(plan, null, 2)}\n`;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function mixed(what: string, why: string): RevqError {
  return new RevqError("ablation-mixed", `${what} cannot be joined: ${why}.`, {
    fix: "Run every part with the same settings and the same number of parts; of an earlier ablation, remove the folder parts/.",
  });
}
