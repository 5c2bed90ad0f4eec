/** The page that compares finished trials. */
import { pluginKinds } from "@revq/core";
import { comparisonPage, type RateDistortionBound } from "@revq/report";
import type { TrialPictures } from "./pictures.js";
import { unequalBits, type Ranking } from "./ranking.js";
import { trialRow } from "./table.js";
import type { FailedTrial, FinishedTrial } from "./trials.js";

export interface AblationOutcome {
  readonly finished: readonly FinishedTrial[];
  readonly failed: readonly FailedTrial[];
}

export interface PageInput {
  readonly title: string;
  /** Of all trials, shown folded. */
  readonly settings: unknown;
  readonly ranking: Ranking | null;
  readonly pictures: TrialPictures;
}

export function ablationPage({ finished, failed }: AblationOutcome, input: PageInput): string {
  const { title, settings, ranking, pictures } = input;
  const warning = ranking && unequalBits(ranking);
  const seriesOf = seriesNames(finished);
  const engines = new Set(finished.map(({ result }) => result.engine));
  return comparisonPage({
    title,
    summary: [
      `${finished.length} trials${failed.length > 0 ? `, ${failed.length} more failed` : ""}. Errors are on held-out data, per element of the standardized latents.`,
      ...dataInWords(finished),
      `Engine: ${[...engines].join(", ") || "none"}.`,
    ],
    ...(warning ? { warning } : {}),
    ...(ranking ? { ranking } : {}),
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
        priorBits: row.priorBitsPerImage,
        priorBitsPerToken: row.priorBitsPerToken,
        bound: row.boundMse,
        usage: row.usage,
        perplexity: row.perplexity,
        seconds: row.seconds,
        vae: trial.result.vae,
        ...(pictures.has(row.name) ? { crops: pictures.get(row.name)! } : {}),
        config: trial.config,
      };
    }),
    bounds: boundsOf(finished),
    failed: failed.map(({ name, error, config }) => ({ name, error, ...(config ? { config } : {}) })),
    config: settings,
  });
}

/** One sentence for each kind of data; records of earlier versions do not name them. */
function dataInWords(finished: readonly FinishedTrial[]): string[] {
  const words = finished.flatMap(({ result: { trainedOn, heldOut } }) =>
    trainedOn ? [`Trained on ${trainedOn}. Measured on ${heldOut}.`] : [],
  );
  return [...new Set(words)];
}

/** Settings that do not name a series: sizes (a series has several) and paths. */
const unnamedSettings = new Set(["id", "tokens", "codes", "sizes", "weights", "embed"]);

/**
 * Trials of one series differ only in size. The name has those settings in which trials of one
 * plugin differ.
 */
function seriesNames(finished: readonly FinishedTrial[]): (trial: FinishedTrial) => string {
  const sectionOf = ({ config }: FinishedTrial, kind: (typeof pluginKinds)[number]): Record<string, unknown> =>
    kind === "backbone" && config.data.latents !== null ? { id: "latents" } : config[kind];
  const pluginName = (trial: FinishedTrial, kind: (typeof pluginKinds)[number]): string => {
    const section = sectionOf(trial, kind);
    const alike = finished.map((other) => sectionOf(other, kind)).filter(({ id }) => id === section["id"]);
    const differing = Object.entries(section).filter(
      ([key, value]) =>
        !unnamedSettings.has(key) && alike.some((other) => JSON.stringify(other[key]) !== JSON.stringify(value)),
    );
    return [section["id"], ...differing.map(([key, value]) => `${key}=${String(value)}`)].join(" ");
  };
  const names = [
    ...pluginKinds.map((kind) => (trial: FinishedTrial) => pluginName(trial, kind)),
    ({ config }: FinishedTrial) => `recipe ${config.recipe}`,
  ];
  const differing = names.filter((nameOf) => new Set(finished.map(nameOf)).size > 1);
  const used = differing.length > 0 ? differing : names.slice(0, pluginKinds.length);
  return (trial) => used.map((nameOf) => nameOf(trial)).join(", ");
}

/** The lower bounds, one per backbone: trials on the same latents share a bound. */
function boundsOf(finished: readonly FinishedTrial[]): RateDistortionBound[] {
  const curves = new Map<string, Map<number, number>>();
  for (const trial of finished) {
    const { boundMse, bitsPerImage } = trialRow(trial);
    if (boundMse === null) continue;
    const { backbone, data } = trial.config;
    const { id, weights: _weights, embed: _embed, ...options } = backbone;
    const words =
      data.latents === null
        ? [id, ...Object.values(options).filter((value) => typeof value === "string")]
        : ["latents"];
    const label = `bound, ${words.join(" ")}`;
    const points = curves.get(label) ?? new Map<number, number>();
    curves.set(label, points.set(bitsPerImage, boundMse));
  }
  return [...curves].map(([label, points]) => ({
    label,
    points: [...points].map(([bits, mse]) => ({ bits, mse })).sort((a, b) => a.bits - b.bits),
  }));
}
