/** Many tokenizers side by side: one table, rate-distortion curves, and the settings of each. */
import { chart, legend, Plot, seriesColor, seriesColors } from "./chart.js";
import { decimals, percent, short } from "./format.js";
import { html, type Html } from "./html.js";
import { columns, details, figure, page, section, table, type Column } from "./page.js";

export interface ComparedTrial {
  /** Unique. */
  readonly name: string;
  /**
   * Trials of one series are joined by a line, in the order of their bits. For example "multigroup
   * + efficientvit".
   */
  readonly series: string;
  /** Nominal bits an image. */
  readonly bits: number;
  /** Entropy-coded bits an image. */
  readonly measuredBits?: number | null;
  /** What the ids of an image cost under a small prior. */
  readonly priorBits?: number | null;
  readonly priorBitsPerToken?: number | null;
  /** Per element of the standardized latents. */
  readonly latentMse: { readonly quantized: number; readonly rectified: number };
  /** The rate-distortion bound on the latent mse at these bits. */
  readonly bound?: number | null;
  /** dB. */
  readonly psnr?: number | null;
  readonly ssim?: number | null;
  readonly lpips?: number | null;
  readonly rfid?: number | null;
  /** Fraction of codes in use. */
  readonly usage?: number | null;
  readonly perplexity?: number | null;
  readonly seconds?: number | null;
  /** The VAE alone, without quantization. */
  readonly vae?: {
    readonly psnr?: number | null;
    readonly ssim?: number | null;
    readonly lpips?: number | null;
  } | null;
  /** Shown folded: anything that is JSON, or text. */
  readonly config?: unknown;
}

export interface Comparison {
  readonly title: string;
  /** Lines below the title: data, backbone, machine. */
  readonly summary?: readonly string[];
  readonly trials: readonly ComparedTrial[];
  /** Trials that did not finish. */
  readonly failed?: readonly { readonly name: string; readonly error: string; readonly config?: unknown }[];
  /** Lower bounds on the latent mse, one per backbone. */
  readonly bounds?: readonly RateDistortionBound[];
  /** The settings of all trials, shown folded. */
  readonly config?: unknown;
}

export interface RateDistortionBound {
  readonly label: string;
  /** By rising bits; mse per element of the standardized latents. */
  readonly points: readonly { readonly bits: number; readonly mse: number }[];
}

/** One HTML page that needs no network. */
export function comparisonPage({ title, summary, trials, failed = [], bounds = [], config }: Comparison): string {
  return page({
    title,
    ...(summary ? { summary } : {}),
    sections: [
      section("Results", resultTable(trials)),
      trials.length > 0 ? section("Rate and distortion", columns(...curves(trials, bounds))) : null,
      failed.length > 0
        ? section(
            "Failed trials",
            failed.map(({ name, error, config: made }) => [
              html`<p><b>${name}</b>: ${error}</p>`,
              made === undefined ? null : details("config", made),
            ]),
          )
        : null,
      section(
        "Configuration",
        config === undefined ? null : details("settings of all trials", config),
        trials.map(({ name, config: made }) => (made === undefined ? null : details(name, made))),
      ),
    ],
  });
}

/** A trial, or the VAE alone. */
type Row = Omit<ComparedTrial, "bits" | "latentMse" | "series"> & Partial<Pick<ComparedTrial, "bits" | "latentMse">>;

/** If all trials have the same VAE, it is a row of its own; else its metrics are columns. */
function resultTable(trials: readonly ComparedTrial[]): Html {
  const vaes = new Map(trials.map(({ vae }) => [JSON.stringify(vae ?? null), vae]));
  const [vae] = vaes.values();
  if (vaes.size !== 1 || !vae) return table(resultColumns, trials);
  const alone: Row = { ...vae, name: "VAE alone" };
  return table<Row>(
    resultColumns.filter(({ title }) => title !== "VAE"),
    [alone, ...trials],
  );
}

const resultColumns: readonly Column<Row>[] = [
  { title: "trial", cell: ({ name }) => name },
  { title: "bits", cell: ({ bits }) => decimals(bits, 0), value: ({ bits }) => bits },
  { title: "measured bits", cell: (trial) => decimals(trial.measuredBits, 0), value: (trial) => trial.measuredBits },
  { title: "prior's bits", cell: ({ priorBits }) => decimals(priorBits, 0), value: ({ priorBits }) => priorBits },
  {
    title: "a token",
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
  { title: "seconds", cell: ({ seconds }) => decimals(seconds, 0), value: ({ seconds }) => seconds },
];

interface Measure {
  readonly caption: string;
  readonly axis: string;
  readonly value: (trial: ComparedTrial) => number | null | undefined;
  readonly vae?: (trial: ComparedTrial) => number | null | undefined;
  readonly log?: boolean;
}

const measures: readonly Measure[] = [
  {
    caption: "Latent mse after the rectifier",
    axis: "latent mse",
    value: ({ latentMse }) => latentMse.rectified,
    log: true,
  },
  {
    caption: "Latent mse of the quantizer alone",
    axis: "latent mse",
    value: ({ latentMse }) => latentMse.quantized,
    log: true,
  },
  { caption: "PSNR", axis: "dB", value: ({ psnr }) => psnr, vae: ({ vae }) => vae?.psnr },
  { caption: "SSIM", axis: "SSIM", value: ({ ssim }) => ssim, vae: ({ vae }) => vae?.ssim },
  {
    caption: "LPIPS (lower is better)",
    axis: "LPIPS",
    value: ({ lpips }) => lpips,
    vae: ({ vae }) => vae?.lpips,
  },
  { caption: "rFID (lower is better)", axis: "rFID", value: ({ rfid }) => rfid },
];

/** When the colours run out, they start again with other symbols and dashes. */
const strokes = [
  { symbol: "circle", dashes: null },
  { symbol: "square", dashes: "6 3" },
  { symbol: "triangle", dashes: "2 3" },
] as const;

function curves(trials: readonly ComparedTrial[], bounds: readonly RateDistortionBound[]): Html[] {
  const names = [...new Set(trials.map(({ series }) => series))];
  const color = new Map(names.map((name, index) => [name, seriesColor(index)]));
  const turnOf = (name: string): number =>
    Math.min(strokes.length - 1, Math.floor(names.indexOf(name) / seriesColors.length));
  return measures.flatMap((measure) => {
    const points = trials
      .flatMap((trial) => {
        const value = measure.value(trial);
        return typeof value === "number" && Number.isFinite(value) && (!measure.log || value > 0)
          ? [{ ...trial, value }]
          : [];
      })
      .sort((a, b) => a.bits - b.bits);
    if (points.length === 0) return [];
    const vaeValues = [
      ...new Set(trials.map((trial) => measure.vae?.(trial)).filter((value) => typeof value === "number")),
    ];
    const limits = measure.log ? bounds : [];
    return [
      figure(
        measure.caption,
        chart({
          description: `${measure.caption} against bits per image`,
          grid: true,
          x: { label: "bits per image", type: "log", ...bitTicks(points.map(({ bits }) => bits)) },
          y: { label: measure.axis, ...(measure.log ? { type: "log", tickFormat: short } : {}) },
          marks: [
            ...limits.flatMap(({ points: bound }) =>
              boundLine(
                bound,
                points.map(({ bits }) => bits),
              ),
            ),
            vaeValues.length > 0
              ? Plot.ruleY(vaeValues, { stroke: "currentColor", strokeDasharray: "4 3", strokeOpacity: 0.7 })
              : null,
            ...strokes.flatMap((stroke, turn) => {
              const own = points.filter(({ series }) => turnOf(series) === turn);
              if (own.length === 0) return [];
              return [
                Plot.line(own, {
                  x: "bits",
                  y: "value",
                  z: "series",
                  stroke: ({ series }: ComparedTrial) => color.get(series),
                  ...(stroke.dashes ? { strokeDasharray: stroke.dashes } : {}),
                }),
                Plot.dot(own, {
                  x: "bits",
                  y: "value",
                  fill: ({ series }: ComparedTrial) => color.get(series),
                  symbol: stroke.symbol,
                  r: 4,
                  title: ({ name, bits, value }) => `${name}\n${bits} bits, ${short(value)}`,
                }),
              ];
            }),
          ],
        }),
        legend([
          ...names.map((name) => ({ label: name, color: color.get(name)!, dashed: turnOf(name) > 0 })),
          ...limits.map(({ label }) => ({ label, color: "currentColor", dashed: true })),
          ...(vaeValues.length > 0 ? [{ label: "VAE alone", color: "currentColor", dashed: true }] : []),
        ]),
      ),
    ];
  });
}

/** A tick at every size, unless there are too many to read. */
function bitTicks(bits: readonly number[]): { ticks?: number[]; tickFormat?: (value: number) => string } {
  // Sizes that differ by less than the width of a tick share one.
  const distinct = [...bits].sort((x, y) => x - y).filter((size, i, all) => i === 0 || size > all[i - 1]! * 1.03);
  return distinct.length <= 8 ? { ticks: distinct, tickFormat: (value) => String(Math.round(value)) } : {};
}

/** The bound over the range of the trials and a little beyond; a few single points are marked. */
function boundLine(points: RateDistortionBound["points"], bits: readonly number[]): Plot.Markish[] {
  const [low, high] = [Math.min(...bits) / 1.3, Math.max(...bits) * 1.3];
  const shown = points.filter((point) => point.bits >= low && point.bits <= high && point.mse > 0);
  const channels = { x: "bits", y: "mse", stroke: "currentColor" } as const;
  return [
    Plot.line(shown, { ...channels, strokeDasharray: "4 3" }),
    ...(shown.length < 6 ? [Plot.dot(shown, { ...channels, symbol: "times", r: 3 })] : []),
  ];
}
