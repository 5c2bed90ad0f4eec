/** The gradients of one step on pictures: a crop of each latent is decoded and compared with its target. */
import type { DecoderGradients, LatentSource } from "@revq/core";
import type { Lpips } from "@revq/metrics/networks";
import * as tf from "@tensorflow/tfjs-core";
import type { NamedTensorMap, Scalar, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import type { RunConfig } from "../config/schema.js";
import type { DecoderAdapter } from "../decoder/adapter.js";
import type { Adversary } from "../decoder/adversary.js";
import { disposeBatch, readBatch, type LatentSet } from "../evaluation/latent-batches.js";
import { dequantizeIds, meanSquaredError } from "../evaluation/latent-error.js";
import type { PictureCodec } from "./codec.js";
import { createCropper, type LatentCrop } from "./crops.js";
import { pictureLoss, pictureTarget } from "./loss.js";
import type { Photographs } from "./photographs.js";

export interface GradientsInput {
  readonly codec: PictureCodec;
  readonly train: LatentSet;
  readonly latents: Pick<LatentSource, "shape" | "count">;
  readonly decoder: DecoderGradients;
  /** Image pixels per latent position, in each direction. */
  readonly downsample: number;
  readonly lpips: Lpips | null;
  /** What a decoder is adapted to; null: the VAE's own pictures. */
  readonly photographs: Photographs | null;
  /** Null while the decoder is frozen. */
  readonly adapter: DecoderAdapter | null;
  readonly weights: RunConfig["train"]["picture"]["weights"];
  /** Side of a crop, in positions. */
  readonly side: number;
  /** What is trained. */
  readonly variables: Variable[];
}

/** The tensors are the caller's. */
export interface StepGradients {
  /** Without the adversary's part. */
  readonly loss: Scalar;
  readonly grads: NamedTensorMap;
  /** `[n, H, W, 3]`: what was decoded, and what it shall be. Null without an adversary. */
  readonly pictures: { readonly made: Tensor4D; readonly targets: Tensor4D } | null;
}

/**
 * @param adversary learns from the pictures
 * @param isOpposed the pictures are trained against it too
 */
export async function stepGradients(
  input: GradientsInput,
  crops: readonly LatentCrop[],
  adversary: Adversary | null,
  isOpposed: boolean,
): Promise<StepGradients> {
  const { codec, latents, decoder, lpips, adapter, variables, side } = input;
  const { space, rectifier } = codec;
  // Adapted to photographs, pictures are all that counts.
  const weights = adapter ? { ...input.weights, latent: 0, features: 0 } : input.weights;
  const rows = crops.map(({ row }) => row);
  const batch = await readBatch(input.train, rows);
  const ids = await codec.quantizer.quantize(batch.coefficients);
  const photos = adapter ? await photographCrops(input, crops) : null;
  const cropper = createCropper(crops, latents.shape, side);
  const kept: { loss?: Scalar; pictures?: StepGradients["pictures"] } = {};
  const grads = tf.tidy(() => {
    const quantized = dequantizeIds(codec, ids);
    const target = pictureTarget(
      photos ? { images: photos, features: [] } : decoder.decode(cropper.crop(space.unstandardize(batch.standardized))),
      lpips,
    );
    const wanted = weights.latent > 0 ? space.inMetric(batch.standardized) : null;
    return tf.variableGrads(() => {
      const rectified = rectifier.rectify(quantized);
      const output = decoder.decode(cropper.crop(space.unstandardize(rectified)), adapter?.weights());
      const lossOf = (images: Tensor4D): Scalar => {
        const ofPicture = pictureLoss({ ...output, images }, target, weights, lpips);
        const ofLatent = wanted && tf.mul(meanSquaredError(space.inMetric(rectified), wanted), weights.latent);
        return (kept.loss = tf.keep<Scalar>(ofLatent ? tf.add(ofPicture, ofLatent) : ofPicture));
      };
      if (adversary) kept.pictures = { made: tf.keep(output.images), targets: tf.keep(tf.clone(target.images)) };
      return adversary && isOpposed ? adversary.oppose(output.images, lossOf) : lossOf(output.images);
    }, variables).grads;
  });
  disposeBatch(batch);
  tf.dispose([ids, ...(photos ? [photos] : [])]);
  cropper.dispose();
  return { loss: kept.loss!, grads, pictures: kept.pictures ?? null };
}

/** The parts of photographs that belong to crops of latents; null without photographs. */
async function photographCrops(
  { photographs, downsample, side }: GradientsInput,
  crops: readonly LatentCrop[],
): Promise<Tensor4D | null> {
  if (!photographs) return null;
  const pixels = side * downsample;
  const found = await photographs.crops(
    crops.map(({ row, top, left }) => ({ row, top: top * downsample, left: left * downsample })),
    pixels,
  );
  return tf.tensor4d(found, [crops.length, pixels, pixels, 3]);
}
