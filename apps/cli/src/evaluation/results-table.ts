/** Results as a table for people: a tokenizer's scores beside the VAE floor. */
import { scoreNotes, scoreRows, type Evaluation, type TrainResult } from "@revq/train";
import Table from "cli-table3";

export function resultsTable(scored: Omit<Evaluation, "images">, where: string): string {
  const table = new Table({
    head: ["", where, "VAE floor"],
    style: { head: [], border: [] },
    colAligns: ["left", "right", "right"],
  });
  table.push(...scoreRows(scored).map(({ label, value, floor }) => [label, value, floor]));
  return table.toString();
}

/** The table of an evaluation and what a reader has to know. @param what "50 images" */
export function evaluationText(evaluation: Evaluation, what: string): string {
  return ["", resultsTable(evaluation, what), ...scoreNotes(evaluation, evaluation.images)].join("\n");
}

export function secondsLine({ extract, fitCodebooks, trainRectifier }: TrainResult["seconds"]): string {
  const part = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));
  return `encode ${part(extract)} s, codebooks ${part(fitCodebooks)} s, rectifier ${part(trainRectifier)} s`;
}
