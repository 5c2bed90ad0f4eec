/** Finished trials as a table for people. */
import {
  rankTrials,
  trialRow,
  unequalBits,
  type AblationOutcome,
  type JoinedAblation,
  type Ranking,
} from "@revq/train";
import Table from "cli-table3";

/** Sorted by bits, then by the latent mse after the rectifier. The best trial and the Pareto front are marked. */
export function trialsTable({ finished }: Pick<AblationOutcome, "finished">): string {
  const rows = finished.map(trialRow);
  const ranking = rankTrials(rows);
  const mark = (name: string): string =>
    ranking?.best === name ? "best" : ranking?.front.includes(name) ? "front" : "";
  const withLpips = rows.some(({ lpips }) => lpips !== null);
  const head = ["trial", "", "bits", "prior's bits", "mse quantized", "mse rectified", "PSNR", "SSIM"];
  if (withLpips) head.push("LPIPS");
  head.push("usage", "seconds");
  const table = new Table({
    head,
    style: { head: [], border: [] },
    colAligns: head.map((_, column) => (column < 2 ? "left" : "right")),
  });
  rows.sort((a, b) => a.bitsPerImage - b.bitsPerImage || a.rectifiedMse - b.rectifiedMse);
  for (const row of rows) {
    table.push([
      row.name,
      mark(row.name),
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

const qualities = { lpips: "LPIPS", psnr: "PSNR", rectifiedMse: "latent mse after the rectifier" } as const;
const costs = { bitsPerImage: "bits", seconds: "seconds of training" } as const;

/** What the marks mean, and whether the trials can be compared. */
function rankingLines(ranking: Ranking): string[] {
  const warning = unequalBits(ranking);
  return [
    `Best by ${qualities[ranking.quality]}; front: no other trial is better in both ${qualities[ranking.quality]} and ${costs[ranking.cost]}.`,
    ...(warning === null ? [] : [`${warning} (--bits)`]),
  ];
}

/** The table, the failed trials, and the paths of page and table. */
export function ablationText({ outcome, result }: JoinedAblation): string {
  return [
    `\n${trialsTable(outcome)}`,
    ...(result.ranking ? rankingLines(result.ranking) : []),
    ...result.failed.map(({ name, error }) => `Failed: ${name}: ${error}`),
    `\nReport: ${result.report}\nTable:  ${result.csv}`,
  ].join("\n");
}
