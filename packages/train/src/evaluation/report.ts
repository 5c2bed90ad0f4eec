/** A tokenizer's page: scores, curves, maps and images gathered into what `@revq/report` draws. */
import { encodeWebp } from "@revq/data";
import { evaluationPage, type LatentDetails, type LossCurves, type ReportImage } from "@revq/report";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ImageEvaluation, Panel } from "../evaluate.js";
import type { EpochRecord, Evaluation, PassRecord } from "../records.js";
import type { Ranked } from "./extremes.js";
import { scoreNotes, scoreRows } from "./score-rows.js";

export interface ReportInput {
  readonly title: string;
  readonly summary: readonly string[];
  readonly evaluation: Omit<Evaluation, "images">;
  /** How many were scored. */
  readonly images: number;
  readonly details: LatentDetails;
  readonly loss: LossCurves | null;
  /** Left out: a page without images. */
  readonly extremes?: Pick<ImageEvaluation, "worst" | "best"> & { readonly size: number };
  readonly configs: readonly { readonly label: string; readonly value: unknown }[];
}

/** The page as one HTML text. */
export async function tokenizerPage(input: ReportInput): Promise<string> {
  const { title, summary, evaluation, images, details, loss, extremes, configs } = input;
  return evaluationPage({
    title,
    summary,
    scores: scoreRows(evaluation),
    notes: scoreNotes(evaluation, images),
    bitsPerImage: evaluation.bitsPerImage,
    latentMse: evaluation.latentMse,
    latent: details,
    loss,
    images: extremes
      ? {
          worst: await Promise.all(extremes.worst.map((ranked) => pictures(ranked, extremes.size))),
          best: await Promise.all(extremes.best.map((ranked) => pictures(ranked, extremes.size))),
        }
      : null,
    configs,
  });
}

/** Passes and epochs of the run that made a tokenizer folder; null when it has none. */
export async function readLossCurves(tokenizer: string): Promise<LossCurves | null> {
  let text: string;
  try {
    text = await readFile(join(tokenizer, "run", "metrics.jsonl"), "utf8");
  } catch {
    return null; // only the tokenizer was kept, or it is not a folder
  }
  const records = text.split("\n").flatMap((line) => {
    try {
      return line === "" ? [] : [JSON.parse(line) as object];
    } catch {
      return []; // the last line of a run that was killed
    }
  });
  return {
    passes: records.filter((record): record is PassRecord => "pass" in record),
    epochs: records.filter((record): record is EpochRecord => "epoch" in record),
  };
}

/** Errors are small: shown four times as large. */
const errorGain = 4;

async function pictures({ score, item }: Ranked<Panel>, size: number): Promise<ReportImage> {
  const uri = async (image: Float32Array): Promise<string> => {
    const bytes = await encodeWebp({ width: size, height: size, pixels: image.map((value) => value * 2 - 1) });
    return `data:image/webp;base64,${Buffer.from(bytes).toString("base64")}`;
  };
  const { name, original, vae, quantized, rectified } = item;
  return {
    name,
    psnr: score,
    original: await uri(original),
    vae: await uri(vae),
    quantized: await uri(quantized),
    rectified: await uri(rectified),
    error: await uri(rectified.map((value, i) => Math.min(1, errorGain * Math.abs(value - original[i]!)))),
  };
}
