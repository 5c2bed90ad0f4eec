/** Measures a tokenizer on images, next to the VAE alone, and keeps some images for pages. */
import { isRevqError, type ImageSource } from "@revq/core";
import type { IndexedImageSource } from "@revq/data";
import { toUnitRange } from "@revq/metrics";
import type { Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { measuredShape, summarizeMetrics, type MeasuredTokenizer, type MetricAccumulators } from "./accumulators.js";
import type { EvaluateOptions } from "./evaluate-latents.js";
import { ImageMetricsAccumulator, type MetricNetworks } from "./image-accumulator.js";
import { LatentMetricsAccumulator } from "./latent-accumulator.js";
import { decoded, makePanels, type Panel } from "./panels.js";
import { extremeImages, ownPhotograph, typicalImages, type ImageScores, type PhotographOf } from "./shown-images.js";

export interface MeasureImagesOptions extends EvaluateOptions {
  /** The networks for LPIPS, rFID and the Inception Score. They stay the caller's. */
  readonly networks?: MetricNetworks;
}

export interface EvaluateImagesOptions extends MeasureImagesOptions {
  /** How many panels of typical images to make: next to the median by LPIPS, else by PSNR. */
  readonly panels?: number;
  /** How many panels to make with the lowest and how many with the highest PSNR. */
  readonly extremes?: number;
  /** Panels are of different photographs. Default: each image is of its own. */
  readonly photographOf?: PhotographOf;
}

export interface MeasuredImages extends MeasuredTokenizer {
  /** The median first. */
  readonly panels: readonly Panel[];
  /** By PSNR. */
  readonly worst: readonly Panel[];
  readonly best: readonly Panel[];
}

export async function evaluateImages(
  tokenizer: Tokenizer,
  images: IndexedImageSource,
  options: EvaluateImagesOptions,
): Promise<MeasuredImages> {
  const { panels = 0, extremes = 0, photographOf = ownPhotograph } = options;
  const { accumulators, scores } = await accumulateImages(tokenizer, images, options);
  const measured = withRows(scores, images.names);
  const typical = typicalImages(measured, panels, photographOf);
  const { worst, best } = extremeImages(measured, extremes, photographOf);
  const made = await makePanels(tokenizer, images, [...typical, ...worst, ...best], options);
  const panelsOf = (shown: readonly ImageScores[]): Panel[] => shown.flatMap(({ row }) => made.get(row) ?? []);
  return {
    ...summarizeMetrics(accumulators),
    panels: panelsOf(typical),
    worst: panelsOf(worst),
    best: panelsOf(best),
  };
}

/**
 * A part without a readable image is an empty part.
 *
 * @returns `scores` in the order of delivery; empty if the backbone does not decode
 */
export async function accumulateImages(
  tokenizer: Tokenizer,
  images: ImageSource,
  options: MeasureImagesOptions,
): Promise<{ accumulators: MetricAccumulators; scores: Omit<ImageScores, "row">[] }> {
  const { backbone } = tokenizer;
  const { size } = images;
  const { range = { expected: images.count, first: 0 } } = options;
  const ofLatents = new LatentMetricsAccumulator(measuredShape(tokenizer), range, options.prior);
  const adapted = tokenizer.parts.decoder !== null;
  const ofImages = new ImageMetricsAccumulator({ size, networks: options.networks ?? {}, range, adapted });
  const scores: Omit<ImageScores, "row">[] = [];
  let done = 0;
  for await (const batch of readable(images.batches(options.batch), options.range !== undefined)) {
    options.signal.throwIfAborted();
    const n = batch.names.length;
    const pixels = tf.tensor4d(batch.pixels, [n, size, size, 3]);
    const latents = await backbone.encode(pixels);
    const ids = await ofLatents.add(tokenizer, latents);
    if (backbone.spec.decodes) {
      const original = toUnitRange(batch.pixels);
      const vae = await decoded(backbone.decode(latents));
      const reconstructed = await decoded(tokenizer.decodeIds(ids));
      const oldDecoder = adapted ? { oldDecoder: await decodedByBackbone(tokenizer, ids) } : {};
      const ofBatch = await ofImages.add({ original, vae, reconstructed, ...oldDecoder });
      scores.push(...ofBatch.map((each, i) => ({ name: batch.names[i]!, ...each })));
    }
    tf.dispose([pixels, latents, ids]);
    done += n;
    options.report?.({ phase: "evaluate", done, total: images.count });
  }
  return { accumulators: { latents: ofLatents, images: ofImages }, scores };
}

/** Delivered images are in the order of the names; unreadable ones are missing. */
function withRows(scores: readonly Omit<ImageScores, "row">[], names: readonly string[]): ImageScores[] {
  let row = -1;
  return scores.map((each) => {
    row = names.indexOf(each.name, row + 1);
    return { ...each, row };
  });
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
