/** Metrics as a table for people: those of a tokenizer next to those of the VAE alone. */
import { metricNotes, metricRows, type TokenizerMetrics, type TrainResult } from "@revq/train";
import Table from "cli-table3";

/** @param heading of the tokenizer's column: "held-out images" */
export function resultsTable(metrics: Parameters<typeof metricRows>[0], heading: string): string {
  const adapted = metrics.oldDecoder !== null;
  const head = ["", heading, ...(adapted ? ["with the old decoder"] : []), "VAE alone"];
  const table = new Table({
    head,
    style: { head: [], border: [] },
    colAligns: head.map((_, column) => (column === 0 ? "left" : "right")),
  });
  table.push(
    ...metricRows(metrics).map(({ label, value, vae, oldDecoder }) => [
      label,
      value,
      ...(adapted ? [oldDecoder ?? ""] : []),
      vae,
    ]),
  );
  return table.toString();
}

/** The table of an evaluation, and notes on how to read it. @param what "50 images" */
export function metricsText(metrics: TokenizerMetrics, what: string): string {
  return ["", resultsTable(metrics, what), ...metricNotes(metrics, metrics.images)].join("\n");
}

export function secondsLine(seconds: TrainResult["seconds"]): string {
  const { extract, fitCodebooks, trainRectifier, trainPictures } = seconds;
  const part = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));
  return `encode ${part(extract)} s, codebooks ${part(fitCodebooks)} s, rectifier ${part(trainRectifier)} s${trainPictures > 0 ? `, pictures ${part(trainPictures)} s` : ""}`;
}
