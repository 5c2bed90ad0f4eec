/** Measures a tokenizer for `revq eval`: as a whole, or one part of a shared evaluation. */
import type { LatentSource } from "@revq/core";
import { openImages, openLatents, type OpenImagesOptions } from "@revq/data";
import type { Tokenizer } from "@revq/tokenizer";
import {
  countImages,
  countLatents,
  countsText,
  evaluateImages,
  evaluateLatents,
  evaluatePart,
  noteEnlarged,
  noteImages,
  noteSkipped,
  type EvaluatedSource,
  type EvaluateOptions,
  type ImageCounts,
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

export interface EvaluationData extends Pick<OpenImagesOptions, "skipBroken" | "pixelLimit"> {
  /** Exactly one of the two is there. */
  readonly data?: readonly string[] | undefined;
  readonly latents?: readonly string[] | undefined;
  /** Only the first N, by name. */
  readonly limit?: number | undefined;
}

/** Images for a page. */
export type ShownImages = Pick<MeasuredImages, "panels" | "worst" | "best">;

export interface EvaluationOptions extends EvaluateOptions {
  readonly networks: MetricNetworks;
  readonly note: (line: string) => void;
}

/** Opened before the tokenizer, which takes longer. The size of the images is not known yet. */
export async function openSource(
  { data, latents, limit, skipBroken, pixelLimit }: EvaluationData,
  note: EvaluationOptions["note"],
): Promise<EvaluatedSource> {
  if (latents !== undefined) return { latents: firstLatents(await openLatents(latents), limit) };
  const images = await openImages(data!, {
    size: 1,
    ...(limit === undefined ? {} : { limit }),
    ...(skipBroken === undefined ? {} : { skipBroken }),
    ...(pixelLimit === undefined ? {} : { pixelLimit }),
  });
  noteImages(images, note);
  return { images };
}

function sized(source: EvaluatedSource, tokenizer: Tokenizer): EvaluatedSource {
  return "latents" in source ? source : { images: source.images.withSize(imageSizeOf(tokenizer)) };
}

function optionsFor(source: EvaluatedSource, options: EvaluationOptions): EvaluationOptions {
  return "latents" in source ? { ...options, batch: latentBatch } : options;
}

/** @param options.shown how many typical, worst and best images are kept */
export async function evaluateWhole(
  tokenizer: Tokenizer,
  found: EvaluatedSource,
  options: EvaluationOptions & { readonly shown: number },
): Promise<MeasuredTokenizer & Partial<ShownImages> & { readonly counts: ImageCounts }> {
  const { note } = options;
  const source = sized(found, tokenizer);
  if ("latents" in source) {
    const measured = await evaluateLatents(tokenizer, source.latents, optionsFor(source, options));
    return { ...measured, counts: countLatents(source.latents.count) };
  }
  const { images } = source;
  const known = images.skipped.length;
  const measured = await evaluateImages(tokenizer, images, {
    ...options,
    panels: options.shown,
    extremes: options.shown,
  });
  noteSkipped(images.skipped.slice(known), note);
  noteEnlarged([images], note);
  return { ...measured, counts: countImages(images) };
}

/** Measures the part unless its result exists; the last part to finish joins all. @param folder of the parts */
export async function evaluateOnePart(
  tokenizer: Tokenizer,
  found: EvaluatedSource,
  { folder, part }: { readonly folder: string; readonly part: Part },
  options: EvaluationOptions,
): Promise<PartOutcome<JoinedEvaluation> & { readonly counts: ImageCounts }> {
  const source = sized(found, tokenizer);
  const known = "images" in source ? source.images.skipped.length : 0;
  const outcome = await evaluatePart(folder, part, tokenizer, source, optionsFor(source, options));
  if ("latents" in source) return { ...outcome, counts: countLatents(source.latents.count) };
  noteSkipped(source.images.skipped.slice(known), options.note);
  return { ...outcome, counts: countImages(source.images) };
}

/** The table of a joined evaluation. */
export function joinedText({ metrics, key }: JoinedEvaluation): string {
  const what = `${metrics.images} ${key.imageSize === null ? "latents" : "images"}`;
  return `${metricsText(metrics, what)}\n${what}; ${countsText(metrics)}`;
}

function firstLatents(source: LatentSource, limit = source.count): LatentSource {
  return { shape: source.shape, count: Math.min(limit, source.count), read: (indices) => source.read(indices) };
}
