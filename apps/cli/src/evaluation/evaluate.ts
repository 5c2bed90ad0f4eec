/** Measures a tokenizer for `revq eval`: as a whole, or one part of a shared evaluation. */
import type { LatentSource } from "@revq/core";
import { openImages, openLatents, type IndexedImageSource } from "@revq/data";
import type { Tokenizer } from "@revq/tokenizer";
import {
  evaluateImages,
  evaluateLatents,
  evaluatePart,
  noteImages,
  type EvaluatedSource,
  type EvaluateOptions,
  type JoinedEvaluation,
  type MeasuredImages,
  type MeasuredTokenizer,
  type MetricNetworks,
  type Part,
  type PartOutcome,
} from "@revq/train";
import { imageSizeOf } from "../tokenizer/open-tokenizer.js";
import { metricsText } from "./results-table.js";

/** Latents at a time. They are small. */
const latentBatch = 64;

export interface EvaluationData {
  /** Exactly one of the two is there. */
  readonly data?: string | undefined;
  readonly latents?: string | undefined;
  /** Only the first N, by name. */
  readonly limit?: number | undefined;
}

/** Images for a page. */
export type ShownImages = Pick<MeasuredImages, "panels" | "worst" | "best">;

export interface EvaluationOptions extends EvaluateOptions {
  readonly networks: MetricNetworks;
}

async function openSource(
  tokenizer: Tokenizer,
  { data, latents, limit }: EvaluationData,
): Promise<{ readonly images: IndexedImageSource } | { readonly latents: LatentSource }> {
  if (latents !== undefined) return { latents: firstLatents(await openLatents(latents), limit) };
  const size = imageSizeOf(tokenizer);
  return { images: await openImages(data!, { size, ...(limit === undefined ? {} : { limit }) }) };
}

function optionsFor(source: EvaluatedSource, options: EvaluationOptions): EvaluationOptions {
  return "latents" in source ? { ...options, batch: latentBatch } : options;
}

/** @param options.shown how many typical, worst and best images are kept */
export async function evaluateWhole(
  tokenizer: Tokenizer,
  data: EvaluationData,
  options: EvaluationOptions & { readonly shown: number; readonly note: (line: string) => void },
): Promise<MeasuredTokenizer & Partial<ShownImages>> {
  const source = await openSource(tokenizer, data);
  if ("latents" in source) return evaluateLatents(tokenizer, source.latents, optionsFor(source, options));
  const measured = await evaluateImages(tokenizer, source.images, {
    ...options,
    panels: options.shown,
    extremes: options.shown,
  });
  noteImages(source.images, options.note);
  return measured;
}

/** Measures the part unless its result exists; the last part to finish joins all. @param folder of the parts */
export async function evaluateOnePart(
  tokenizer: Tokenizer,
  data: EvaluationData,
  { folder, part }: { readonly folder: string; readonly part: Part },
  options: EvaluationOptions,
): Promise<PartOutcome<JoinedEvaluation>> {
  const source = await openSource(tokenizer, data);
  return evaluatePart(folder, part, tokenizer, source, optionsFor(source, options));
}

/** The table of a joined evaluation. */
export function joinedText({ metrics, key }: JoinedEvaluation): string {
  return metricsText(metrics, `${metrics.images} ${key.imageSize === null ? "latents" : "images"}`);
}

function firstLatents(source: LatentSource, limit = source.count): LatentSource {
  return { shape: source.shape, count: Math.min(limit, source.count), read: (indices) => source.read(indices) };
}
