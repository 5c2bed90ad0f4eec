/** Measures a tokenizer on images, next to the VAE alone, and keeps some images for pages. */
import { isRevqError, type ImageSource } from "@revq/core";
import { toUnitRange } from "@revq/metrics";
import type { Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { measuredShape, summarizeMetrics, type MeasuredTokenizer, type MetricAccumulators } from "./accumulators.js";
import type { EvaluateOptions } from "./evaluate-latents.js";
import { Extremes, type Ranked } from "./extremes.js";
import { ImageMetricsAccumulator, type MetricNetworks } from "./image-accumulator.js";
import { LatentMetricsAccumulator } from "./latent-accumulator.js";

/** One image after each stage, `[size, size, 3]` float32 in [0, 1]. */
export interface Panel {
  readonly name: string;
  readonly original: Float32Array;
  readonly vae: Float32Array;
  readonly quantized: Float32Array;
  readonly rectified: Float32Array;
}

export interface EvaluateImagesOptions extends EvaluateOptions {
  /** How many panels to keep, spread evenly over the images. */
  readonly panels?: number;
  /** How many panels to keep with the lowest and how many with the highest PSNR. */
  readonly extremes?: number;
  /** The networks for LPIPS, rFID and the Inception Score. They stay the caller's. */
  readonly networks?: MetricNetworks;
}

export interface MeasuredImages extends MeasuredTokenizer {
  readonly panels: readonly Panel[];
  /** By PSNR in dB. */
  readonly worst: readonly Ranked<Panel>[];
  readonly best: readonly Ranked<Panel>[];
}

export async function evaluateImages(
  tokenizer: Tokenizer,
  images: ImageSource,
  options: EvaluateImagesOptions,
): Promise<MeasuredImages> {
  const { accumulators, panels, extremes } = await accumulateImages(tokenizer, images, options);
  return {
    ...summarizeMetrics(accumulators),
    panels,
    worst: extremes.worst,
    best: extremes.best.filter(({ item }) => !extremes.worst.some((other) => other.item === item)),
  };
}

/** A part without a readable image is an empty part. */
export async function accumulateImages(
  tokenizer: Tokenizer,
  images: ImageSource,
  options: EvaluateImagesOptions,
): Promise<{ accumulators: MetricAccumulators; panels: Panel[]; extremes: Extremes<Panel> }> {
  const { backbone } = tokenizer;
  const { size } = images;
  const { range = { expected: images.count, first: 0 } } = options;
  const ofLatents = new LatentMetricsAccumulator(measuredShape(tokenizer), range.expected);
  const adapted = tokenizer.parts.decoder !== null;
  const ofImages = new ImageMetricsAccumulator({ size, networks: options.networks ?? {}, range, adapted });
  const panels: Panel[] = [];
  const extremes = new Extremes<Panel>(options.extremes ?? 0);
  const wantedPanels = Math.min(options.panels ?? 0, images.count);
  const isWanted = (index: number): boolean =>
    panels.length < wantedPanels && index >= Math.floor((panels.length * images.count) / wantedPanels);
  let done = 0;
  for await (const batch of readable(images.batches(options.batch), options.range !== undefined)) {
    options.signal.throwIfAborted();
    const n = batch.names.length;
    const pixels = tf.tensor4d(batch.pixels, [n, size, size, 3]);
    const latents = await backbone.encode(pixels);
    const { ids, quantized } = await ofLatents.add(tokenizer, latents);
    if (backbone.spec.decodes) {
      const original = toUnitRange(batch.pixels);
      const vae = await decoded(backbone.decode(latents));
      const rectified = await decoded(tokenizer.decodeIds(ids));
      const oldDecoder = adapted ? { oldDecoder: await decodedByBackbone(tokenizer, ids) } : {};
      const psnrs = await ofImages.add({ original, vae, reconstructed: rectified, ...oldDecoder });
      const wanted = psnrs.some((decibels, i) => isWanted(done + i) || extremes.wants(decibels));
      const unrectified = wanted ? await decoded(tokenizer.decoder.decode(quantized)) : null;
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
    tf.dispose([pixels, latents, ids, quantized]);
    done += n;
    options.report?.({ phase: "evaluate", done, total: images.count });
  }
  return { accumulators: { latents: ofLatents, images: ofImages }, panels, extremes };
}

async function* readable<T>(batches: AsyncIterable<T>, mayBeEmpty: boolean): AsyncGenerator<T> {
  try {
    yield* batches;
  } catch (error) {
    if (!mayBeEmpty || !isRevqError(error) || error.code !== "data-no-images") throw error;
  }
}

/** The images of ids with the decoder as it was before it was adapted. */
async function decodedByBackbone(tokenizer: Tokenizer, ids: Tensor2D): Promise<Float32Array> {
  const latents = tokenizer.decodeLatents(ids);
  try {
    return await decoded(tokenizer.backbone.decode(latents));
  } finally {
    latents.dispose();
  }
}

async function decoded(promise: Promise<Tensor4D>): Promise<Float32Array> {
  const images = await promise;
  const values = toUnitRange((await images.data()) as Float32Array);
  images.dispose();
  return values;
}
