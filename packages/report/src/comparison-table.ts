/** The table of a comparison: a row for every trial, and the marks of the best ones. */
import type { ComparedRanking, ComparedTrial } from "./comparison-data.js";
import { decimals, percent } from "./format.js";
import { html, type Html } from "./html.js";
import { table, type Column } from "./page.js";

/** A trial, or the VAE alone. */
type Row = Omit<ComparedTrial, "bits" | "latentMse" | "series"> & Partial<Pick<ComparedTrial, "bits" | "latentMse">>;

/** If all trials have the same VAE, it is a row of its own; else its metrics are columns. */
export function resultTable(trials: readonly ComparedTrial[], ranking?: ComparedRanking): Html {
  const resultColumns = [nameColumn(ranking), ...measuredColumns];
  const vaes = new Map(trials.map(({ vae }) => [JSON.stringify(vae ?? null), vae]));
  const [vae] = vaes.values();
  if (vaes.size !== 1 || !vae) return table(resultColumns, trials);
  const alone: Row = { ...vae, name: "VAE alone" };
  return table<Row>(
    resultColumns.filter(({ title }) => title !== "VAE"),
    [alone, ...trials],
  );
}

const nameColumn = (ranking: ComparedRanking | undefined): Column<Row> => ({
  title: "trial",
  cell: ({ name }) => html`${name} ${rankingMark(name, ranking)}`,
});

/** "best", "front", or nothing. */
export function rankingMark(name: string, ranking: ComparedRanking | undefined): Html | null {
  if (ranking?.best === name) return html`<b class="mark best">best</b>`;
  return ranking?.front.includes(name) ? html`<b class="mark">front</b>` : null;
}

const measuredColumns: readonly Column<Row>[] = [
  { title: "bits", cell: ({ bits }) => decimals(bits, 0), value: ({ bits }) => bits },
  { title: "measured bits", cell: (trial) => decimals(trial.measuredBits, 0), value: (trial) => trial.measuredBits },
  { title: "prior's bits", cell: ({ priorBits }) => decimals(priorBits, 0), value: ({ priorBits }) => priorBits },
  {
    title: "a token's",
    cell: ({ priorBitsPerToken }) => decimals(priorBitsPerToken, 2),
    value: ({ priorBitsPerToken }) => priorBitsPerToken,
  },
  {
    title: "mse quantized",
    cell: ({ latentMse }) => decimals(latentMse?.quantized, 4),
    value: ({ latentMse }) => latentMse?.quantized,
  },
  {
    title: "mse rectified",
    cell: ({ latentMse }) => decimals(latentMse?.rectified, 4),
    value: ({ latentMse }) => latentMse?.rectified,
  },
  { title: "bound", cell: ({ bound }) => decimals(bound, 4), value: ({ bound }) => bound },
  { title: "PSNR, dB", cell: ({ psnr }) => decimals(psnr, 2), value: ({ psnr }) => psnr },
  { title: "VAE", cell: ({ vae }) => decimals(vae?.psnr, 2), value: ({ vae }) => vae?.psnr },
  { title: "SSIM", cell: ({ ssim }) => decimals(ssim, 3), value: ({ ssim }) => ssim },
  { title: "VAE", cell: ({ vae }) => decimals(vae?.ssim, 3), value: ({ vae }) => vae?.ssim },
  { title: "LPIPS", cell: ({ lpips }) => decimals(lpips, 4), value: ({ lpips }) => lpips },
  { title: "VAE", cell: ({ vae }) => decimals(vae?.lpips, 4), value: ({ vae }) => vae?.lpips },
  { title: "rFID", cell: ({ rfid }) => decimals(rfid, 2), value: ({ rfid }) => rfid },
  { title: "usage", cell: ({ usage }) => percent(usage), value: ({ usage }) => usage },
  { title: "perplexity", cell: ({ perplexity }) => decimals(perplexity, 1), value: ({ perplexity }) => perplexity },
  {
    title: "seconds",
    cell: ({ seconds }) => decimals(seconds, (seconds ?? 0) < 10 ? 1 : 0),
    value: ({ seconds }) => seconds,
  },
];
