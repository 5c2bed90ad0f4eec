/**
 * Scores models by pictures of held-out latents: PSNR and LPIPS against the photographs where they
 * are there, else against the VAE's own pictures of the unquantized latents.
 */
import type { Backbone, LatentSource, Random, ReportProgress } from "@revq/core";
import { psnr, toUnitRange } from "@revq/metrics";
import type { Lpips } from "@revq/metrics/networks";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { chunks, disposeBatch, readBatch, type LatentSet } from "../evaluation/latent-batches.js";
import { dequantizeIds, meanSquaredError, type LatentCodec } from "../evaluation/latent-error.js";
import type { PictureCodec } from "./codec.js";
import type { Photographs } from "./photographs.js";
import type { SelectionScores } from "./select.js";

/** A model between quantized latents and pictures. */
export interface PictureModel {
  /** standardized `[n, h, w, c]` -> standardized. */
  rectify(quantized: Tensor4D): Tensor4D;
  /** latents of the backbone -> images. The caller owns them. */
  decode(latents: Tensor4D): Promise<Tensor4D>;
}

export interface HeldOutInput {
  readonly codec: PictureCodec;
  readonly val: LatentSet;
  /** Raw latents, for the VAE's own pictures. */
  readonly latents: LatentSource;
  readonly photographs: Photographs | null;
  readonly backbone: Backbone;
  readonly lpips: Lpips | null;
  readonly images: number;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly report: ReportProgress;
}

export interface HeldOutScorer {
  readonly images: number;
  score(model: PictureModel): Promise<SelectionScores>;
}

/** Latents at a time: a decoder's activations are large. */
const atOnce = 2;

export async function createHeldOutScorer(input: HeldOutInput): Promise<HeldOutScorer> {
  const { codec, val, latents, photographs, backbone, lpips, random, signal, report } = input;
  const images = Math.min(input.images, latents.count);
  const rows = images < latents.count ? random.sample(latents.count, images).sort() : allRows(latents.count);
  const { height, width, channels } = latents.shape;
  const size: [number, number] = [height * backbone.spec.downsample, width * backbone.spec.downsample];
  let references: Float32Array[] | null = null;

  /** `[n, H, W, 3]` in [-1, 1], flat, part by part; made once. */
  async function makeReferences(): Promise<Float32Array[]> {
    const parts: Float32Array[] = [];
    for (const part of chunks(rows, atOnce)) {
      signal.throwIfAborted();
      if (photographs) {
        const crops = Array.from(part, (row) => ({ row, top: 0, left: 0 }));
        parts.push(await photographs.crops(crops, photographs.size));
        continue;
      }
      const raw = tf.tensor4d(await latents.read(part), [part.length, height, width, channels]);
      const decoded = await backbone.decode(raw);
      parts.push(Float32Array.from(await decoded.data(), (value) => Math.min(1, Math.max(-1, value))));
      tf.dispose([raw, decoded]);
    }
    return parts;
  }

  return {
    images,
    async score(model) {
      references ??= await makeReferences();
      const sums = { psnr: 0, lpips: 0, latent: 0 };
      let index = 0;
      for (const part of chunks(rows, atOnce)) {
        signal.throwIfAborted();
        const reference = references[index++]!;
        const { rectified, error } = await rectifyRows(codec, val, part, model);
        sums.latent += error * part.length;
        const decoded = await model.decode(rectified);
        const pixels = (await decoded.data()) as Float32Array;
        const [original, made] = [toUnitRange(reference), toUnitRange(pixels)];
        const each = original.length / part.length;
        for (let i = 0; i < part.length; i++) {
          sums.psnr += psnr(original.subarray(i * each, (i + 1) * each), made.subarray(i * each, (i + 1) * each));
        }
        if (lpips) sums.lpips += await sumOfDistances(lpips, reference, decoded, [part.length, ...size, 3]);
        tf.dispose([rectified, decoded]);
        report({ phase: "score held-out pictures", done: index * atOnce, total: images });
      }
      return { psnr: sums.psnr / images, lpips: lpips ? sums.lpips / images : null, latent: sums.latent / images };
    },
  };
}

/** Rectified latents of the backbone, and the mean squared error of the standardized ones. */
async function rectifyRows(
  codec: PictureCodec & Pick<LatentCodec, "quantizer">,
  val: LatentSet,
  rows: Int32Array,
  model: PictureModel,
): Promise<{ rectified: Tensor4D; error: number }> {
  const batch = await readBatch(val, rows);
  const ids = await codec.quantizer.quantize(batch.coefficients);
  const [rectified, error] = tf.tidy(() => {
    const estimate = model.rectify(dequantizeIds(codec, ids));
    return [codec.space.unstandardize(estimate), meanSquaredError(batch.standardized, estimate)];
  }) as [Tensor4D, tf.Scalar];
  const value = (await error.data())[0]!;
  disposeBatch(batch);
  tf.dispose([ids, error]);
  return { rectified, error: value };
}

async function sumOfDistances(
  lpips: Lpips,
  reference: Float32Array,
  made: Tensor4D,
  shape: [number, number, number, number],
): Promise<number> {
  const sum = tf.tidy(() =>
    tf.sum(lpips.distance(tf.tensor4d(reference, shape), tf.clipByValue(made, -1, 1) as Tensor4D)),
  );
  const value = (await sum.data())[0]!;
  sum.dispose();
  return value;
}

function allRows(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, row) => row);
}
