/** The record of a choice by measurement, and its words for people. */
import type { Selection, SelectionScores } from "../pictures/select.js";
import type { TrainingPlan } from "./plan.js";

/** The candidates of a run and their scores on held-out latents, before any rectifier. */
export interface ChoiceRecord {
  /** The score that decided. */
  readonly select: Selection;
  /** Training latents that each candidate was fitted on, shifted views included. */
  readonly fittedOn: number;
  /** Held-out latents that each candidate was scored on. */
  readonly scoredOn: number;
  readonly candidates: readonly CandidateRecord[];
}

/** Pictures are compared with the VAE's own pictures of the unquantized latents. */
export interface CandidateRecord extends SelectionScores {
  /** "dct-klt (split eigenvalue, groups 4)" */
  readonly name: string;
  readonly chosen: boolean;
}

/** The transform, and the quantizer's options that are not the same in all candidates. */
export function candidateNames(candidates: readonly TrainingPlan[]): string[] {
  const options = candidates.map(({ quantizer }) => quantizer.options);
  const keys = [...new Set(options.flatMap((each) => Object.keys(each)))];
  const open = keys.filter((key) => new Set(options.map((each) => JSON.stringify(each[key]))).size > 1);
  return candidates.map(({ transform, quantizer }) => {
    const values = open.map((key) => `${key} ${String(quantizer.options[key])}`);
    return values.length > 0 ? `${transform.id} (${values.join(", ")})` : transform.id;
  });
}

/** What is known before anything is measured, one line each. */
export function planLines(candidates: readonly TrainingPlan[]): string[] {
  const [first, ...others] = candidates;
  if (others.length === 0) return [...first!.reasons, ...first!.warnings];
  const common = first!.reasons.filter((reason) => others.every(({ reasons }) => reasons.includes(reason)));
  return [...common, `The run will measure ${candidates.length} candidates: ${candidateNames(candidates).join("; ")}.`];
}

/** The table of a choice, line by line. */
export function choiceLines({ select, fittedOn, scoredOn, candidates }: ChoiceRecord): string[] {
  const width = Math.max(...candidates.map(({ name }) => name.length));
  const row = ({ name, chosen, ...scores }: CandidateRecord): string =>
    `  ${name.padEnd(width)}  ${scoreText(scores)}${chosen ? "  (chosen)" : ""}`;
  return [
    `Candidates on ${latentCount(scoredOn)}, fitted on ${fittedOn} training latents, without a rectifier. ${titles[select]} decides; differences below 1 % do not count.`,
    ...candidates.map(row),
  ];
}

/** For a page. */
export function choiceSentence({ select, scoredOn, candidates }: ChoiceRecord): string {
  const scored = (chosen: boolean): string =>
    candidates
      .filter((each) => each.chosen === chosen)
      .map((each) => `${each.name}: ${valueText(each, select)}`)
      .join("; ");
  return `Chosen by ${titles[select]} on ${latentCount(scoredOn)}: ${scored(true)}. The others: ${scored(false)}.`;
}

function latentCount(count: number): string {
  return `${count} held-out ${count === 1 ? "latent" : "latents"}`;
}

const titles: Readonly<Record<Selection, string>> = { lpips: "LPIPS", psnr: "PSNR", latent: "latent mse" };

function scoreText(scores: SelectionScores): string {
  return (["latent", "psnr", "lpips"] as const)
    .filter((name) => scores[name] !== null)
    .map((name) => `${titles[name]} ${valueText(scores, name)}`)
    .join("  ");
}

function valueText(scores: SelectionScores, name: Selection): string {
  const value = scores[name]!;
  return name === "psnr" ? `${value.toFixed(2)} dB` : value.toFixed(4);
}
