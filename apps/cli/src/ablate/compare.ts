/** Finished trials as a table for people and as the data of the report page. */
import { comparisonPage, type RateDistortionBound } from "@revq/report";
import { trialRow, type FailedTrial, type FinishedTrial } from "@revq/train";
import Table from "cli-table3";

export interface AblationOutcome {
  readonly finished: readonly FinishedTrial[];
  readonly failed: readonly FailedTrial[];
}

/** Best rectified latent mse at few bits first: sorted by bits, then by error. */
export function trialsTable({ finished }: AblationOutcome): string {
  const rows = finished.map(trialRow);
  const withLpips = rows.some(({ lpips }) => lpips !== null);
  const table = new Table({
    head: [
      "trial",
      "bits",
      "mse quantized",
      "mse rectified",
      "PSNR",
      "SSIM",
      ...(withLpips ? ["LPIPS"] : []),
      "usage",
      "seconds",
    ],
    style: { head: [], border: [] },
    colAligns: ["left", ...new Array<"right">(withLpips ? 8 : 7).fill("right")],
  });
  rows.sort((a, b) => a.bitsPerImage - b.bitsPerImage || a.rectifiedMse - b.rectifiedMse);
  for (const row of rows) {
    table.push([
      row.name,
      row.bitsPerImage.toFixed(0),
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

/** @param asked what the user asked for, shown folded */
export function ablationPage({ finished, failed }: AblationOutcome, title: string, asked: unknown): string {
  const seriesOf = seriesNames(finished);
  const heldOut = new Set(finished.map(({ result }) => result.engine));
  return comparisonPage({
    title,
    summary: [
      `${finished.length} trials${failed.length > 0 ? `, ${failed.length} more failed` : ""}. Errors are on held-out data, per element of the standardized latents.`,
      `Engine: ${[...heldOut].join(", ") || "none"}.`,
    ],
    trials: finished.map((trial) => {
      const row = trialRow(trial);
      return {
        name: row.name,
        series: seriesOf(trial),
        bits: row.bitsPerImage,
        latentMse: trial.result.latentMse,
        psnr: row.psnr,
        ssim: row.ssim,
        lpips: row.lpips,
        rfid: row.rfid,
        measuredBits: trial.result.measuredBitsPerImage,
        bound: row.boundMse,
        usage: row.usage,
        perplexity: row.perplexity,
        seconds: row.seconds,
        floor: trial.result.floor,
        config: trial.config,
      };
    }),
    bounds: boundsOf(finished),
    failed: failed.map(({ name, error, config }) => ({ name, error, ...(config ? { config } : {}) })),
    config: asked,
  });
}

/** Settings that make points of one series: those are sizes of it, or say where files are. */
const noSeries = new Set(["id", "tokens", "codes", "sizes", "weights", "embed"]);

/** Trials of one series differ in nothing but their size. Of options those are said in which trials of one plugin differ. */
function seriesNames(finished: readonly FinishedTrial[]): (trial: FinishedTrial) => string {
  const kinds = ["backbone", "quantizer", "rectifier"] as const;
  const sectionOf = ({ config }: FinishedTrial, kind: (typeof kinds)[number]): Record<string, unknown> =>
    kind === "backbone" && config.data.latents !== null ? { id: "latents" } : config[kind];
  const sayPlugin = (trial: FinishedTrial, kind: (typeof kinds)[number]): string => {
    const section = sectionOf(trial, kind);
    const alike = finished.map((other) => sectionOf(other, kind)).filter(({ id }) => id === section["id"]);
    const telling = Object.entries(section).filter(
      ([key, value]) =>
        !noSeries.has(key) && alike.some((other) => JSON.stringify(other[key]) !== JSON.stringify(value)),
    );
    return [section["id"], ...telling.map(([key, value]) => `${key}=${String(value)}`)].join(" ");
  };
  const says = [
    ...kinds.map((kind) => (trial: FinishedTrial) => sayPlugin(trial, kind)),
    ({ config }: FinishedTrial) => `recipe ${config.recipe}`,
  ];
  const telling = says.filter((say) => new Set(finished.map(say)).size > 1);
  const named = telling.length > 0 ? telling : says.slice(0, kinds.length);
  return (trial) => named.map((say) => say(trial)).join(", ");
}

/** What no code of so many bits can go below, by backbone: trials of the same latents share a bound. */
function boundsOf(finished: readonly FinishedTrial[]): RateDistortionBound[] {
  const curves = new Map<string, Map<number, number>>();
  for (const trial of finished) {
    const { boundMse, bitsPerImage } = trialRow(trial);
    if (boundMse === null) continue;
    const { backbone, data } = trial.config;
    const { id, weights: _weights, embed: _embed, ...options } = backbone;
    const made =
      data.latents === null
        ? [id, ...Object.values(options).filter((value) => typeof value === "string")]
        : ["latents"];
    const label = `bound, ${made.join(" ")}`;
    const points = curves.get(label) ?? new Map<number, number>();
    curves.set(label, points.set(bitsPerImage, boundMse));
  }
  return [...curves].map(([label, points]) => ({
    label,
    points: [...points].map(([bits, mse]) => ({ bits, mse })).sort((a, b) => a.bits - b.bits),
  }));
}
