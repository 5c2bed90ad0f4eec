/** The charts of a comparison: every measure against bits, or against time where bits are equal. */
import { chart, legend, Plot, seriesColor, seriesColors } from "./chart.js";
import type { ComparedRanking, ComparedTrial, RateDistortionBound } from "./comparison-data.js";
import { short } from "./format.js";
import type { Html } from "./html.js";
import { figure } from "./page.js";

interface Measure {
  readonly caption: string;
  readonly axis: string;
  readonly value: (trial: ComparedTrial) => number | null | undefined;
  readonly vae?: (trial: ComparedTrial) => number | null | undefined;
  readonly log?: boolean;
  /** Its name in a ranking. */
  readonly quality?: ComparedRanking["quality"];
}

const measures: readonly Measure[] = [
  {
    caption: "Latent mse after the rectifier",
    axis: "latent mse",
    value: ({ latentMse }) => latentMse.rectified,
    log: true,
    quality: "rectifiedMse",
  },
  {
    caption: "Latent mse of the quantizer alone",
    axis: "latent mse",
    value: ({ latentMse }) => latentMse.quantized,
    log: true,
  },
  { caption: "PSNR", axis: "dB", value: ({ psnr }) => psnr, vae: ({ vae }) => vae?.psnr, quality: "psnr" },
  { caption: "SSIM", axis: "SSIM", value: ({ ssim }) => ssim, vae: ({ vae }) => vae?.ssim },
  {
    caption: "LPIPS (lower is better)",
    axis: "LPIPS",
    value: ({ lpips }) => lpips,
    vae: ({ vae }) => vae?.lpips,
    quality: "lpips",
  },
  { caption: "rFID (lower is better)", axis: "rFID", value: ({ rfid }) => rfid },
];

/** When the colours run out, they start again with other symbols and dashes. */
const strokes = [
  { symbol: "circle", dashes: null },
  { symbol: "square", dashes: "6 3" },
  { symbol: "triangle", dashes: "2 3" },
] as const;

/** Every measure against bits. Trials of one series are joined by a line. */
export function bitCurves(trials: readonly ComparedTrial[], bounds: readonly RateDistortionBound[]): Html[] {
  const looks = seriesLooks(trials);
  const { names, color, turnOf } = looks;
  return measures.flatMap((measure) => {
    const points = pointsOf(trials, measure).sort((a, b) => a.bits - b.bits);
    if (points.length === 0) return [];
    const vaeValues = vaeValuesOf(trials, measure);
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
            vaeValues.length > 0 ? vaeRule(vaeValues) : null,
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
                dots(own, "bits", looks, stroke.symbol),
              ];
            }),
          ],
        }),
        legend([
          ...names.map((name) => ({ label: name, color: color.get(name)!, dashed: turnOf(name) > 0 })),
          ...limits.map(({ label }) => ({ label, color: "currentColor", dashed: true })),
          ...(vaeValues.length > 0 ? [vaeLegend] : []),
        ]),
      ),
    ];
  });
}

/** Every measure against the time of training, with the Pareto front of the one that ranks. */
export function timeCharts(trials: readonly ComparedTrial[], { quality, front }: ComparedRanking): Html[] {
  const looks = seriesLooks(trials);
  const { names, color, turnOf } = looks;
  const timed = trials.filter(({ seconds }) => typeof seconds === "number");
  return measures.flatMap((measure) => {
    const points = pointsOf(timed, measure);
    if (points.length === 0) return [];
    const vaeValues = vaeValuesOf(timed, measure);
    const ranked = measure.quality === quality;
    const onFront = ranked ? front.flatMap((name) => points.filter((point) => point.name === name)) : [];
    return [
      figure(
        measure.caption,
        chart({
          description: `${measure.caption} against seconds of training`,
          grid: true,
          x: { label: "seconds of training" },
          y: { label: measure.axis, ...(measure.log ? { type: "log", tickFormat: short } : {}) },
          marks: [
            vaeValues.length > 0 ? vaeRule(vaeValues) : null,
            Plot.line(onFront, { x: "seconds", y: "value", stroke: "currentColor", strokeOpacity: 0.6 }),
            ...strokes.map(({ symbol }, turn) =>
              dots(
                points.filter(({ series }) => turnOf(series) === turn),
                "seconds",
                looks,
                symbol,
              ),
            ),
          ],
        }),
        legend([
          ...names.map((name) => ({ label: name, color: color.get(name)! })),
          ...(onFront.length > 0 ? [{ label: "front", color: "currentColor" }] : []),
          ...(vaeValues.length > 0 ? [vaeLegend] : []),
        ]),
      ),
    ];
  });
}

interface SeriesLooks {
  readonly names: readonly string[];
  readonly color: ReadonlyMap<string, string>;
  /** Index of the strokes of a series. */
  readonly turnOf: (name: string) => number;
}

function seriesLooks(trials: readonly ComparedTrial[]): SeriesLooks {
  const names = [...new Set(trials.map(({ series }) => series))];
  const color = new Map(names.map((name, index) => [name, seriesColor(index)]));
  const turnOf = (name: string): number =>
    Math.min(strokes.length - 1, Math.floor(names.indexOf(name) / seriesColors.length));
  return { names, color, turnOf };
}

type Point = ComparedTrial & { readonly value: number };

/** A symbol in the colour of its series at every point, with its name and numbers on hover. */
function dots(
  points: readonly Point[],
  x: "bits" | "seconds",
  { color }: SeriesLooks,
  symbol: (typeof strokes)[number]["symbol"],
): Plot.Dot {
  const place = { bits: ({ bits }: Point) => `${bits} bits`, seconds: ({ seconds }: Point) => `${short(seconds!)} s` };
  return Plot.dot(points, {
    x,
    y: "value",
    fill: ({ series }: Point) => color.get(series),
    symbol,
    r: 4,
    title: (point: Point) => `${point.name}\n${place[x](point)}, ${short(point.value)}`,
  });
}

function pointsOf(trials: readonly ComparedTrial[], { value: valueOf, log }: Measure): Point[] {
  return trials.flatMap((trial) => {
    const value = valueOf(trial);
    return typeof value === "number" && Number.isFinite(value) && (!log || value > 0) ? [{ ...trial, value }] : [];
  });
}

function vaeValuesOf(trials: readonly ComparedTrial[], { vae }: Measure): number[] {
  return [...new Set(trials.map((trial) => vae?.(trial)).filter((value) => typeof value === "number"))];
}

function vaeRule(values: number[]): Plot.RuleY {
  return Plot.ruleY(values, { stroke: "currentColor", strokeDasharray: "4 3", strokeOpacity: 0.7 });
}

const vaeLegend = { label: "VAE alone", color: "currentColor", dashed: true };

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
