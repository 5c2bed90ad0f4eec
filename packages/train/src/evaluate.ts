/** Scores a tokenizer on images or latents: what `revq eval` returns and what a training run ends with. */
import { latentSize, type ImageSource, type LatentSource, type ReportProgress } from "@revq/core";
import { CodeCounter, MeanAccumulator, psnr, ssim, toUnitRange } from "@revq/metrics";
import type { Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { chunks, meanSquaredError, readLatents } from "./latent-error.js";
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
}

export interface ImageEvaluation {
  readonly evaluation: Evaluation;
  readonly panels: readonly Panel[];
}

/** Sums up what both kinds of evaluation measure in the latent space. */
class LatentScore {
  private quantized = 0;
  private rectified = 0;
  private samples = 0;
  private readonly codes: CodeCounter;

  constructor(private readonly tokenizer: Tokenizer) {
    this.codes = new CodeCounter(tokenizer.tokens);
  }

  /** @param latents `[n, h, w, c]` in the backbone's scale. Returns the quantized latents in that scale and the codes; the caller owns both. */
  async add(latents: Tensor4D): Promise<{ codes: tf.Tensor2D; quantized: Tensor4D }> {
    const { standardizer } = this.tokenizer.parts;
    const stations = await this.tokenizer.quantizeLatents(latents);
    const { standardized, codes, quantized, rectified } = stations;
    const [before, after] = [meanSquaredError(standardized, quantized), meanSquaredError(standardized, rectified)];
    const n = latents.shape[0];
    this.quantized += (await before.data())[0]! * n;
    this.rectified += (await after.data())[0]! * n;
    this.samples += n;
    this.codes.add((await codes.data()) as Int32Array);
    const unscaled = standardizer.restoreScale(quantized);
    tf.dispose([standardized, quantized, rectified, before, after]);
    return { codes, quantized: unscaled };
  }

  result(): Pick<Evaluation, "images" | "bitsPerImage" | "latentMse" | "usage" | "perplexity"> {
    const { bitsPerImage } = this.tokenizer;
    return {
      images: this.samples,
      bitsPerImage,
      latentMse: { quantized: this.quantized / this.samples, rectified: this.rectified / this.samples },
      usage: this.codes.usage,
      perplexity: this.codes.perplexity,
    };
  }
}

export async function evaluateLatents(
  tokenizer: Tokenizer,
  latents: LatentSource,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const score = new LatentScore(tokenizer);
  const batch = Math.max(1, Math.min(options.batch, Math.floor(2 ** 22 / latentSize(latents.shape))));
  for (const rows of chunks(latents.count, batch)) {
    options.signal.throwIfAborted();
    const values = await readLatents(latents, rows);
    const { codes, quantized } = await score.add(values);
    tf.dispose([values, codes, quantized]);
    options.report?.({ phase: "evaluate", done: rows[rows.length - 1]! + 1, total: latents.count });
  }
  return { ...score.result(), psnr: null, ssim: null, floor: null };
}

export async function evaluateImages(
  tokenizer: Tokenizer,
  images: ImageSource,
  options: EvaluateOptions,
): Promise<ImageEvaluation> {
  const { backbone } = tokenizer;
  const score = new LatentScore(tokenizer);
  const quality = {
    psnr: new MeanAccumulator(),
    ssim: new MeanAccumulator(),
    floorPsnr: new MeanAccumulator(),
    floorSsim: new MeanAccumulator(),
  };
  const panels: Panel[] = [];
  const wantedPanels = Math.min(options.panels ?? 0, images.count);
  const isWanted = (index: number): boolean =>
    panels.length < wantedPanels && index >= Math.floor((panels.length * images.count) / wantedPanels);
  const { size } = images;
  let done = 0;
  for await (const batch of images.batches(options.batch)) {
    options.signal.throwIfAborted();
    const n = batch.names.length;
    const pixels = tf.tensor4d(batch.pixels, [n, size, size, 3]);
    const latents = await backbone.encode(pixels);
    const { codes, quantized } = await score.add(latents);
    if (backbone.spec.decodes) {
      const wanted = batch.names.some((_, i) => isWanted(done + i));
      const original = toUnitRange(batch.pixels);
      const vae = await decoded(backbone.decode(latents));
      const rectified = await decoded(tokenizer.decodeCodes(codes));
      const unrectified = wanted ? await decoded(backbone.decode(quantized)) : null;
      for (let i = 0; i < n; i++) {
        const cut = (all: Float32Array): Float32Array => all.subarray(i * size * size * 3, (i + 1) * size * size * 3);
        quality.floorPsnr.add(psnr(cut(original), cut(vae)));
        quality.floorSsim.add(ssim(cut(original), cut(vae), size, size));
        quality.psnr.add(psnr(cut(original), cut(rectified)));
        quality.ssim.add(ssim(cut(original), cut(rectified), size, size));
        if (unrectified && isWanted(done + i)) {
          panels.push({
            name: batch.names[i]!,
            original: cut(original),
            vae: cut(vae),
            quantized: cut(unrectified),
            rectified: cut(rectified),
          });
        }
      }
    }
    tf.dispose([pixels, latents, codes, quantized]);
    done += n;
    options.report?.({ phase: "evaluate", done, total: images.count });
  }
  const scored = backbone.spec.decodes && done > 0;
  return {
    evaluation: {
      ...score.result(),
      psnr: scored ? quality.psnr.mean : null,
      ssim: scored ? quality.ssim.mean : null,
      floor: scored ? { psnr: quality.floorPsnr.mean, ssim: quality.floorSsim.mean } : null,
    },
    panels,
  };
}

async function decoded(promise: Promise<Tensor4D>): Promise<Float32Array> {
  const images = await promise;
  const values = toUnitRange((await images.data()) as Float32Array);
  images.dispose();
  return values;
}
