/** Finished trials as a table for people. */
import { trialRow, type AblationOutcome, type JoinedAblation } from "@revq/train";
import Table from "cli-table3";

/** Sorted by bits, then by the latent mse after the rectifier. */
export function trialsTable({ finished }: Pick<AblationOutcome, "finished">): string {
  const rows = finished.map(trialRow);
  const withLpips = rows.some(({ lpips }) => lpips !== null);
  const head = ["trial", "bits", "prior's bits", "mse quantized", "mse rectified", "PSNR", "SSIM"];
  if (withLpips) head.push("LPIPS");
  head.push("usage", "seconds");
  const table = new Table({
    head,
    style: { head: [], border: [] },
    colAligns: head.map((_, column) => (column === 0 ? "left" : "right")),
  });
  rows.sort((a, b) => a.bitsPerImage - b.bitsPerImage || a.rectifiedMse - b.rectifiedMse);
  for (const row of rows) {
    table.push([
      row.name,
      row.bitsPerImage.toFixed(0),
      row.priorBitsPerImage?.toFixed(0) ?? "–",
      row.quantizedMse.toFixed(4),
      row.rectifiedMse.toFixed(4),
      row.psnr?.toFixed(2) ?? "–",
      row.ssim?.toFixed(3) ?? "–",
      ...(withLpips ? [row.lpips?.toFixed(4) ?? "–"] : []),
      `${(100 * row.usage).toFixed(1)} %`,
      row.seconds.toFixed(0),
    ]);
  }
  return table.toString();
}

/** The table, the failed trials, and the paths of page and table. */
export function ablationText({ outcome, result }: JoinedAblation): string {
  return [
    `\n${trialsTable(outcome)}`,
    ...result.failed.map(({ name, error }) => `Failed: ${name}: ${error}`),
    `\nReport: ${result.report}\nTable:  ${result.csv}`,
  ].join("\n");
}
