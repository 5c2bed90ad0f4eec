/** Scores a tokenizer on images or latents: what `revq eval` returns and what a training run ends with. */
import { isRevqError, type ImageSource, type LatentSource, type ReportProgress } from "@revq/core";
import { toUnitRange } from "@revq/metrics";
import type { LatentDetails } from "@revq/report";
import type { Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { Extremes, type Ranked } from "./evaluation/extremes.js";
import { ImageScore, type MetricNetworks, type ScoredPart } from "./evaluation/image-score.js";
import { LatentScore, type ScoredShape } from "./evaluation/latent-score.js";
import { chunks, measuringBatch, readLatents } from "./latent-error.js";
import type { Evaluation } from "./records.js";

/** One image's stations, each `[size, size, 3]` float32 in [0, 1]. */
export interface Panel {
  readonly name: string;
  readonly original: Float32Array;
  /** Null for an encoder without a decoder. */
  readonly vae: Float32Array;
  readonly quantized: Float32Array;
  readonly rectified: Float32Array;
}

export interface EvaluateOptions {
  readonly batch: number;
  readonly signal: AbortSignal;
  readonly report?: ReportProgress;
  /** Keep the stations of so many images, spread evenly over the source. */
  readonly panels?: number;
  /** Keep those of so many with the lowest and so many with the highest PSNR. */
  readonly extremes?: number;
  /** What LPIPS, rFID and the Inception Score are measured with. They stay the caller's. */
  readonly networks?: MetricNetworks;
  /** The source is a part of what is scored; default: all of it. */
  readonly part?: ScoredPart;
}

/** What was measured, before it is summed up: parts of several processes can be joined. */
export interface Scores {
  readonly latents: LatentScore;
  /** Null where there are no images. */
  readonly images: ImageScore | null;
}

export interface Scored {
  readonly evaluation: Evaluation;
  readonly details: LatentDetails;
}

export interface ImageEvaluation extends Scored {
  readonly panels: readonly Panel[];
  /** By PSNR in dB. */
  readonly worst: readonly Ranked<Panel>[];
  readonly best: readonly Ranked<Panel>[];
}

const withoutImages = {
  psnr: null,
  ssim: null,
  msSsim: null,
  lpips: null,
  rfid: null,
  inceptionScore: null,
  squeezenetFrechet: null,
} as const;

export async function evaluateLatents(
  tokenizer: Tokenizer,
  latents: LatentSource,
  options: EvaluateOptions,
): Promise<Scored> {
  return summarizeScores(await scoreLatents(tokenizer, latents, options));
}

export async function scoreLatents(
  tokenizer: Tokenizer,
  latents: LatentSource,
  options: EvaluateOptions,
): Promise<Scores> {
  const score = new LatentScore(scoredShape(tokenizer), options.part?.expected ?? latents.count);
  const batch = Math.min(options.batch, measuringBatch(latents));
  for (const rows of chunks(latents.count, batch)) {
    options.signal.throwIfAborted();
    const values = await readLatents(latents, rows);
    const { codes, quantized } = await score.add(tokenizer, values);
    tf.dispose([values, codes, quantized]);
    options.report?.({ phase: "evaluate", done: rows[rows.length - 1]! + 1, total: latents.count });
  }
  return { latents: score, images: null };
}

export function scoredShape({ parts, tokens, bitsPerImage }: Tokenizer): ScoredShape {
  return { latentShape: parts.latentShape, tokens, bitsPerImage };
}

/** Throws `no-codes` when nothing was scored. */
export function summarizeScores({ latents, images }: Scores): Scored {
  const scored = images?.result() ?? null;
  return {
    evaluation: { ...latents.result(), ...withoutImages, ...scored?.reconstructed, floor: scored?.floor ?? null },
    details: latents.details(),
  };
}

export async function evaluateImages(
  tokenizer: Tokenizer,
  images: ImageSource,
  options: EvaluateOptions,
): Promise<ImageEvaluation> {
  const { scores, panels, extremes } = await scoreImages(tokenizer, images, options);
  return {
    ...summarizeScores(scores),
    panels,
    worst: extremes.worst,
    best: extremes.best.filter(({ item }) => !extremes.worst.some((other) => other.item === item)),
  };
}

/** A part of which not one image can be read is an empty part. */
export async function scoreImages(
  tokenizer: Tokenizer,
  images: ImageSource,
  options: EvaluateOptions,
): Promise<{ scores: Scores; panels: Panel[]; extremes: Extremes<Panel> }> {
  const { backbone } = tokenizer;
  const { size } = images;
  const { part = { expected: images.count, first: 0 } } = options;
  const latentScore = new LatentScore(scoredShape(tokenizer), part.expected);
  const imageScore = new ImageScore(size, options.networks ?? {}, part);
  const panels: Panel[] = [];
  const extremes = new Extremes<Panel>(options.extremes ?? 0);
  const wantedPanels = Math.min(options.panels ?? 0, images.count);
  const isWanted = (index: number): boolean =>
    panels.length < wantedPanels && index >= Math.floor((panels.length * images.count) / wantedPanels);
  let done = 0;
  for await (const batch of readable(images.batches(options.batch), options.part !== undefined)) {
    options.signal.throwIfAborted();
    const n = batch.names.length;
    const pixels = tf.tensor4d(batch.pixels, [n, size, size, 3]);
    const latents = await backbone.encode(pixels);
    const { codes, quantized } = await latentScore.add(tokenizer, latents);
    if (backbone.spec.decodes) {
      const original = toUnitRange(batch.pixels);
      const vae = await decoded(backbone.decode(latents));
      const rectified = await decoded(tokenizer.decodeCodes(codes));
      const psnrs = await imageScore.add(original, vae, rectified);
      const wanted = psnrs.some((decibels, i) => isWanted(done + i) || extremes.wants(decibels));
      const unrectified = wanted ? await decoded(backbone.decode(quantized)) : null;
      for (let i = 0; i < n && unrectified; i++) {
        // Copies: a view would keep the whole batch.
        const cut = (all: Float32Array): Float32Array => all.slice(i * size * size * 3, (i + 1) * size * size * 3);
        if (!isWanted(done + i) && !extremes.wants(psnrs[i]!)) continue;
        const panel = {
          name: batch.names[i]!,
          original: cut(original),
          vae: cut(vae),
          quantized: cut(unrectified),
          rectified: cut(rectified),
        };
        if (isWanted(done + i)) panels.push(panel);
        if (extremes.wants(psnrs[i]!)) extremes.add(psnrs[i]!, panel);
      }
    }
    tf.dispose([pixels, latents, codes, quantized]);
    done += n;
    options.report?.({ phase: "evaluate", done, total: images.count });
  }
  return { scores: { latents: latentScore, images: imageScore }, panels, extremes };
}

async function* readable<T>(batches: AsyncIterable<T>, mayBeEmpty: boolean): AsyncGenerator<T> {
  try {
    yield* batches;
  } catch (error) {
    if (!mayBeEmpty || !isRevqError(error) || error.code !== "data-no-images") throw error;
  }
}

async function decoded(promise: Promise<Tensor4D>): Promise<Float32Array> {
  const images = await promise;
  const values = toUnitRange((await images.data()) as Float32Array);
  images.dispose();
  return values;
}
