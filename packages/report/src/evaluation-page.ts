/**
 * One tokenizer: its images, its scores next to the VAE's, its training, and where its error lies.
 */
import { chart, legend, Plot, seriesColor } from "./chart.js";
import type {
  EvaluationReport,
  LatentDetails,
  LossCurves,
  ReportImage,
  ReportImages,
  ScoreRow,
} from "./evaluation-data.js";
import { percent, short } from "./format.js";
import { gridColumns, heatMap } from "./heat-map.js";
import { html, type Html } from "./html.js";
import { columns, details, figure, page, section, table, type Column } from "./page.js";

const [blue, orange, teal] = [seriesColor(0), seriesColor(1), seriesColor(3)];
const beforeAfter = [
  { key: "quantized", label: "quantized", color: orange },
  { key: "rectified", label: "rectified", color: blue },
] as const;

/** One HTML page that needs no network. */
export function evaluationPage(report: EvaluationReport): string {
  const { latent, loss, images, configs, notes = [] } = report;
  const trained = loss && loss.passes.length + loss.epochs.length > 0;
  return page({
    title: report.title,
    ...(report.summary ? { summary: report.summary } : {}),
    sections: [
      images ? imageSection(images) : null,
      section(
        "Scores",
        table(scoreColumns(report.scores), report.scores),
        notes.map((note) => html`<p class="note">${note}</p>`),
      ),
      trained ? section("Training", columns(...lossCurves(loss))) : null,
      section("Rate and distortion", rateDistortion(report)),
      section("Codebooks", columns(usageMap(latent), ...histograms(latent))),
      section(
        "Where the error is",
        columns(channelErrors(latent), ...channelWeights(latent)),
        columns(...positionErrors(latent)),
      ),
      section(
        "Configuration",
        configs.map(({ label, value }) => details(label, value)),
      ),
    ],
  });
}

function scoreColumns(rows: readonly ScoreRow[]): Column<ScoreRow>[] {
  const adapted = rows.some(({ oldDecoder }) => oldDecoder !== undefined);
  return [
    { title: "", cell: ({ label }) => label },
    { title: "this tokenizer", cell: ({ value }) => value, right: true },
    ...(adapted
      ? [{ title: "with the old decoder", cell: ({ oldDecoder = "" }: ScoreRow) => oldDecoder, right: true }]
      : []),
    { title: "VAE alone", cell: ({ vae }) => vae, right: true },
  ];
}

function lossCurves({ passes, epochs }: LossCurves): Html[] {
  const errors = epochs.flatMap(({ epoch, latentMse }) =>
    (["train", "val"] as const).flatMap((part) =>
      beforeAfter.map(({ key, color }) => ({
        epoch,
        part,
        key,
        color,
        line: `${part} ${key}`,
        mse: latentMse[part][key],
      })),
    ),
  );
  return [
    ...(passes.length > 0
      ? [
          figure(
            "Codebooks: mse of the training latents, pass by pass",
            chart({
              description: "Mean squared error by pass",
              grid: true,
              x: { label: "pass", ...wholeTicks(passes.length) },
              y: { label: "latent mse", tickFormat: short },
              marks: [Plot.lineY(passes, { x: "pass", y: "mse", stroke: blue, marker: passes.length < 40 })],
            }),
          ),
        ]
      : []),
    ...(epochs.length > 0
      ? [
          figure(
            "Latent mse by epoch",
            chart({
              description: "Mean squared error of training and held-out latents by epoch",
              grid: true,
              x: { label: "epoch", ...wholeTicks(epochs.length) },
              y: { label: "latent mse", tickFormat: short },
              marks: (["val", "train"] as const).map((part) =>
                Plot.lineY(
                  errors.filter((error) => error.part === part),
                  {
                    x: "epoch",
                    y: "mse",
                    z: "line",
                    stroke: ({ color }: { color: string }) => color,
                    ...(part === "train" ? { strokeDasharray: "4 3" } : {}),
                  },
                ),
              ),
            }),
            legend(
              (["val", "train"] as const).flatMap((part) =>
                beforeAfter.map(({ label, color }) => ({
                  label: `${part === "val" ? "held out" : "training"}, ${label}`,
                  color,
                  dashed: part === "train",
                })),
              ),
            ),
          ),
          figure(
            "Codebook usage by epoch",
            chart({
              description: "Fraction of codes in use by epoch",
              grid: true,
              x: { label: "epoch", ...wholeTicks(epochs.length) },
              y: {
                label: "codes in use",
                domain: [0, 1],
                percent: false,
                tickFormat: (value: number) => percent(value, 0),
              },
              marks: [Plot.lineY(epochs, { x: "epoch", y: "usage", stroke: teal })],
            }),
          ),
        ]
      : []),
  ];
}

/** No half epochs. */
function wholeTicks(count: number): { ticks?: number[]; tickFormat: (value: number) => string } {
  const tickFormat = (value: number): string => (Number.isInteger(value) ? String(value) : "");
  return { tickFormat, ...(count <= 12 ? { ticks: Array.from({ length: count }, (_, i) => i + 1) } : {}) };
}

function rateDistortion({ bitsPerImage, latentMse, latent }: EvaluationReport): Html {
  const points = beforeAfter.map(({ key, label, color }) => ({
    bits: bitsPerImage,
    mse: latentMse[key],
    label,
    color,
  }));
  const bound = latent.bound.filter(({ mse }) => mse > 1e-9);
  return figure(
    "Latent mse against bits, beside the rate-distortion bound of the scored latents",
    chart({
      description: "This tokenizer's latent mse beside the rate-distortion bound",
      grid: true,
      x: { label: "bits per image", type: "log", tickFormat: (value: number) => String(Math.round(value)), ticks: 6 },
      y: { label: "latent mse", type: "log", tickFormat: short },
      marks: [
        Plot.line(bound, { x: "bits", y: "mse", stroke: "currentColor", strokeDasharray: "4 3" }),
        Plot.dot(points, {
          x: "bits",
          y: "mse",
          fill: ({ color }: { color: string }) => color,
          r: 5,
          title: ({ label, bits, mse }) => `${label}: ${short(mse)} at ${Math.round(bits)} bits`,
        }),
      ],
    }),
    legend([
      ...points.map(({ label, color }) => ({ label, color })),
      ...(bound.length > 0 ? [{ label: "bound", color: "currentColor", dashed: true }] : []),
    ]),
  );
}

function usageMap({ groups }: LatentDetails): Html {
  const across = gridColumns(groups.length);
  return figure(
    `Usage of the ${groups.length === 1 ? "codebook" : `${groups.length} codebooks, in reading order`}`,
    heatMap({
      description: "Fraction of each group's codes in use",
      values: groups.map(({ usage }) => usage),
      columns: across,
      domain: [Math.min(0.9, ...groups.map(({ usage }) => usage)), 1],
      format: (value) => percent(value),
      label: (index) => `group ${index}, ${groups[index]!.codes} codes, perplexity ${short(groups[index]!.perplexity)}`,
    }),
  );
}

function histograms({ histograms: all }: LatentDetails): Html[] {
  return all.map(({ group, counts }) => {
    const sorted = [...counts].sort((a, b) => b - a);
    // More than a hundred bars cannot be told apart: neighbours in rank are put together.
    const width = Math.ceil(sorted.length / 128);
    const bars = Array.from({ length: Math.ceil(sorted.length / width) }, (_, i) => {
      const part = sorted.slice(i * width, (i + 1) * width);
      return {
        from: i * width,
        to: i * width + part.length,
        hits: part.reduce((sum, count) => sum + count, 0) / part.length,
      };
    });
    return figure(
      `Hits of the codes of group ${group}, most used first`,
      chart({
        description: `Code histogram of group ${group}`,
        height: 180,
        x: { label: "rank of the code" },
        y: { label: "hits", grid: true },
        marks: [
          Plot.rectY(bars, { x1: "from", x2: "to", y: "hits", fill: blue, inset: 0 }),
          Plot.ruleY([0], { stroke: "currentColor" }),
        ],
      }),
    );
  });
}

function channelErrors({ errorPerChannel }: LatentDetails): Html {
  const series = beforeAfter.map(({ key, label, color }) => ({
    label,
    color,
    points: errorPerChannel[key].map((mse, channel) => ({ channel, mse })),
  }));
  return figure(
    "Latent mse by channel",
    chart({
      description: "Mean squared error by latent channel",
      grid: true,
      x: {
        label: "channel",
        ...(errorPerChannel.quantized.length <= 16 ? { ticks: errorPerChannel.quantized.length } : {}),
      },
      y: { label: "latent mse", zero: true, tickFormat: short },
      marks: series.map(({ points, color }) =>
        Plot.lineY(points, { x: "channel", y: "mse", stroke: color, marker: true }),
      ),
    }),
    legend(series.map(({ label, color }) => ({ label, color }))),
  );
}

/** How much each channel matters to the decoder. */
function channelWeights({ channelShares }: LatentDetails): Html[] {
  if (!channelShares) return [];
  const points = channelShares.map((share, channel) => ({ channel, share }));
  return [
    figure(
      "Share in the picture's error when every channel has an error of one standard deviation",
      chart({
        description: "Share of every latent channel in the picture's error",
        grid: true,
        x: { label: "channel", ...(points.length <= 16 ? { ticks: points.length } : {}) },
        y: { label: "share", zero: true, tickFormat: percent },
        marks: [Plot.lineY(points, { x: "channel", y: "share", stroke: teal, marker: true })],
      }),
    ),
  ];
}

function positionErrors({ errorPerPosition, shape }: LatentDetails): Html[] {
  const all = [...errorPerPosition.quantized, ...errorPerPosition.rectified];
  const domain = [Math.min(...all), Math.max(...all)] as const;
  return beforeAfter.map(({ key, label }) =>
    figure(
      `Latent mse by position, ${label}`,
      heatMap({
        description: `Mean squared error by position, ${label}`,
        values: errorPerPosition[key],
        columns: shape.width,
        domain,
        label: (index) => `row ${Math.floor(index / shape.width)}, column ${index % shape.width}`,
      }),
    ),
  );
}

function imageSection({ typical, worst, best }: ReportImages): Html | null {
  const typicalTitle = `Typical: next to the median by ${typical.some(({ lpips }) => lpips !== null) ? "LPIPS" : "PSNR"}`;
  const all = [
    { title: typicalTitle, images: typical },
    { title: "Worst by PSNR", images: worst },
    { title: "Best by PSNR", images: best },
  ].filter(({ images }) => images.length > 0);
  if (all.length === 0) return null;
  return section(
    "Images",
    all.map(({ title, images }) => imageRows(title, images)),
  );
}

const stages = ["original", "vae", "quantized", "rectified", "error"] as const;

function imageRows(caption: string, images: readonly ReportImage[]): Html {
  return figure(
    caption,
    html`<div class="scroll">
      <div class="images" style="grid-template-columns: repeat(${stages.length}, minmax(7rem, 15rem))">
        ${stages.map((stage) => html`<b>${stage === "vae" ? "VAE" : stage === "error" ? "error, 4 x" : stage}</b>`)}
        ${images.map(
          (image) =>
            html`<span>${scoresOf(image)}</span>
              ${stages.map((stage) => html`<img src="${image[stage]}" alt="${image.name}, ${stage}" />`)}`,
        )}
      </div>
    </div>`,
  );
}

function scoresOf({ name, psnr, lpips }: ReportImage): string {
  return `${name}, ${psnr.toFixed(2)} dB${lpips === null ? "" : `, LPIPS ${lpips.toFixed(3)}`}`;
}
