/**
 * Gathers images, metrics, curves and maps of a tokenizer for its page, which `@revq/report` draws.
 */
import { encodeWebp } from "@revq/data";
import { evaluationPage, type LossCurves, type ReportImage } from "@revq/report";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { EpochRecord, PassRecord, TokenizerMetrics } from "../run/records.js";
import type { MeasuredTokenizer } from "./accumulators.js";
import type { MeasuredImages } from "./evaluate-images.js";
import { metricNotes, metricRows } from "./metric-rows.js";
import type { Panel } from "./panels.js";

export interface ReportInput {
  readonly title: string;
  readonly summary: readonly string[];
  readonly metrics: Omit<TokenizerMetrics, "images">;
  /** How many images or latents were measured. */
  readonly count: number;
  readonly details: MeasuredTokenizer["details"];
  readonly loss: LossCurves | null;
  /** Absent: a page without images. */
  readonly images?: Pick<MeasuredImages, "panels" | "worst" | "best"> & { readonly size: number };
  readonly configs: readonly { readonly label: string; readonly value: unknown }[];
}

/** The page as one HTML text. */
export async function tokenizerPage(input: ReportInput): Promise<string> {
  const { title, summary, metrics, count, details, loss, images, configs } = input;
  return evaluationPage({
    title,
    summary,
    scores: metricRows(metrics),
    notes: metricNotes(metrics, count),
    bitsPerImage: metrics.bitsPerImage,
    latentMse: metrics.latentMse,
    latent: details,
    loss,
    images: images
      ? {
          typical: await reportImages(images.panels, images.size),
          worst: await reportImages(images.worst, images.size),
          best: await reportImages(images.best, images.size),
        }
      : null,
    configs,
  });
}

/** Passes and epochs of the run that made a tokenizer folder; null when the folder holds no run. */
export async function readLossCurves(tokenizer: string): Promise<LossCurves | null> {
  let text: string;
  try {
    text = await readFile(join(tokenizer, "run", "metrics.jsonl"), "utf8");
  } catch {
    return null; // the tokenizer without its run, or not a folder
  }
  const records = text.split("\n").flatMap((line) => {
    try {
      return line === "" ? [] : [JSON.parse(line) as object];
    } catch {
      return []; // the last line of a killed run
    }
  });
  return {
    passes: records.filter((record): record is PassRecord => "pass" in record),
    epochs: records.filter((record): record is EpochRecord => "epoch" in record),
  };
}

/** Errors are small: they are shown four times as large. */
const errorGain = 4;

function reportImages(panels: readonly Panel[], size: number): Promise<ReportImage[]> {
  return Promise.all(panels.map((panel) => reportImage(panel, size)));
}

async function reportImage(panel: Panel, size: number): Promise<ReportImage> {
  const uri = async (image: Float32Array): Promise<string> => {
    const bytes = await encodeWebp({ width: size, height: size, pixels: image.map((value) => value * 2 - 1) });
    return `data:image/webp;base64,${Buffer.from(bytes).toString("base64")}`;
  };
  const { name, psnr, lpips, original, vae, quantized, rectified } = panel;
  return {
    name,
    psnr,
    lpips,
    original: await uri(original),
    vae: await uri(vae),
    quantized: await uri(quantized),
    rectified: await uri(rectified),
    error: await uri(rectified.map((value, i) => Math.min(1, errorGain * Math.abs(value - original[i]!)))),
  };
}
