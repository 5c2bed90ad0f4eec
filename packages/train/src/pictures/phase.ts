/**
 * Steps on pictures: the rectifier, and in a later phase the decoder with it, learn from crops of
 * decoded latents. Codebooks do not change. The moving average of the weights is what is measured.
 */
import {
  toNamedArrays,
  withPrefix,
  type DecoderGradients,
  type Disposable,
  type LatentSource,
  type NamedArrays,
  type Random,
} from "@revq/core";
import type { Lpips } from "@revq/metrics/networks";
import * as tf from "@tensorflow/tfjs-core";
import type { NamedTensorMap, Scalar, Tensor4D } from "@tensorflow/tfjs-core";
import type { RunConfig } from "../config/schema.js";
import type { DecoderAdapter } from "../decoder/adapter.js";
import { disposeBatch, readBatch, type LatentSet } from "../evaluation/latent-batches.js";
import { dequantizeIds, meanSquaredError } from "../evaluation/latent-error.js";
import { createAdamW } from "../optimizer/adamw.js";
import { createWeightAverage } from "../optimizer/average.js";
import { clipScale } from "../optimizer/clip.js";
import { cosineDecay, warmUp } from "../optimizer/schedule.js";
import { stopwatch } from "../run/stopwatch.js";
import { lendTensors } from "../run/tensor-state.js";
import type { PictureCodec } from "./codec.js";
import { createCropper, drawCrops, type LatentCrop } from "./crops.js";
import { pictureLoss, pictureTarget } from "./loss.js";
import type { Photographs } from "./photographs.js";

export interface PhaseInput {
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
  readonly settings: Pick<RunConfig["train"], "picture" | "weightDecay" | "clipNorm" | "finalRate">;
  readonly random: Random;
}

export interface PicturePhase extends Disposable {
  /** Seconds of one step, without taking it. */
  time(): Promise<number>;
  /** Sets the length, on which the schedule of the rate depends. Before the first step. */
  begin(steps: number): void;
  /** @returns the loss. @param index from 0 */
  step(index: number): Promise<number>;
  /** Runs `work` with the averages in place of the weights. */
  during<T>(work: () => Promise<T>): Promise<T>;
  /** `optimizer.*`, `average.*`, `rectifier.*`, `decoder.*`. */
  state(): Promise<NamedArrays>;
  restore(arrays: NamedArrays): void;
}

/** The average remembers this part of the steps. */
const averagedPart = 0.1;
/** The rate rises over this part of the steps. */
const warmUpPart = 0.1;

/** Engines compile in the first steps, and other work on the machine slows some: the fastest step counts. */
const timedSteps = 4;

interface Gradients {
  readonly value: Scalar;
  readonly grads: NamedTensorMap;
}

export function createPicturePhase(input: PhaseInput): PicturePhase {
  const { codec, train, latents, decoder, lpips, photographs, adapter, settings, random } = input;
  const { picture, weightDecay, clipNorm, finalRate } = settings;
  const { space, rectifier } = codec;
  const { height, width } = latents.shape;
  const side = Math.min(picture.crop, height, width);
  // Adapted to photographs, pictures are all that counts.
  const weights = adapter ? { ...picture.weights, latent: 0, features: 0 } : picture.weights;
  const groups = { rectifier: rectifier.variables, decoder: adapter?.variables ?? [] };
  const rectifierRate = adapter ? picture.decoderRate : picture.learningRate;
  const variables = Object.values(groups).flat();
  const optimizer = createAdamW([
    { name: "rectifier", variables: groups.rectifier, learningRate: rectifierRate, weightDecay },
    { name: "decoder", variables: groups.decoder, learningRate: picture.decoderRate, weightDecay: 0 },
  ]);
  let average: ReturnType<typeof createWeightAverage> | null = null;
  let schedule = (_step: number): number => 1;

  /** The gradients of one step; the caller disposes them. */
  async function gradientsOf(crops: readonly LatentCrop[]): Promise<Gradients> {
    const rows = crops.map(({ row }) => row);
    const batch = await readBatch(train, rows);
    const ids = await codec.quantizer.quantize(batch.coefficients);
    const photos = photographs && adapter ? await photographCrops(photographs, crops) : null;
    const cropper = createCropper(crops, latents.shape, side);
    const result = tf.tidy(() => {
      const quantized = dequantizeIds(codec, ids);
      const target = pictureTarget(
        photos
          ? { images: photos, features: [] }
          : decoder.decode(cropper.crop(space.unstandardize(batch.standardized))),
        lpips,
      );
      const wanted = weights.latent > 0 ? space.inMetric(batch.standardized) : null;
      return tf.variableGrads(() => {
        const rectified = rectifier.rectify(quantized);
        const output = decoder.decode(cropper.crop(space.unstandardize(rectified)), adapter?.weights());
        const ofPicture = pictureLoss(output, target, weights, lpips);
        if (!wanted) return ofPicture;
        return tf.add(ofPicture, tf.mul(meanSquaredError(space.inMetric(rectified), wanted), weights.latent));
      }, variables);
    });
    disposeBatch(batch);
    tf.dispose([ids, ...(photos ? [photos] : [])]);
    cropper.dispose();
    return result;
  }

  /** The parts of photographs that belong to crops of latents. */
  async function photographCrops(source: Photographs, crops: readonly LatentCrop[]): Promise<Tensor4D> {
    const { downsample } = input;
    const pixels = side * downsample;
    const found = await source.crops(
      crops.map(({ row, top, left }) => ({ row, top: top * downsample, left: left * downsample })),
      pixels,
    );
    return tf.tensor4d(found, [crops.length, pixels, pixels, 3]);
  }

  const draw = (index: number): LatentCrop[] =>
    drawCrops(random.fork(`step ${index}`), latents.count, latents.shape, { batch: picture.batch, side });

  return {
    async time() {
      let seconds = Infinity;
      for (let run = 0; run < timedSteps; run++) {
        const clock = stopwatch();
        const { value, grads } = await gradientsOf(draw(run));
        await Promise.all([value, ...Object.values(grads)].map((tensor) => tensor.data()));
        tf.dispose([value, grads]);
        seconds = Math.min(seconds, clock());
      }
      return seconds;
    },

    begin(steps) {
      schedule = warmUp(cosineDecay(1, steps, finalRate), warmUpPart * steps);
      average = createWeightAverage(variables, Math.max(0, 1 - 1 / Math.max(1, averagedPart * steps)));
    },

    async step(index) {
      const { value, grads } = await gradientsOf(draw(index));
      const factor = schedule(index);
      optimizer.setLearningRate("rectifier", rectifierRate * factor);
      optimizer.setLearningRate("decoder", picture.decoderRate * factor);
      tf.tidy(() => {
        const scales: Record<string, Scalar> = {};
        for (const [name, group] of Object.entries(groups)) {
          const own = Object.fromEntries(group.map((variable) => [variable.name, grads[variable.name]!]));
          if (group.length > 0) scales[name] = clipScale(own, clipNorm).scale;
        }
        optimizer.apply(grads, scales);
        average!.update(index + 1);
      });
      const loss = (await value.data())[0]!;
      tf.dispose([value, grads]);
      return loss;
    },

    during: (work) => average!.during(work),

    async state() {
      return {
        ...withPrefix("optimizer", await toNamedArrays(optimizer.state())),
        ...withPrefix("average", await toNamedArrays(average!.state())),
        ...withPrefix("rectifier", await toNamedArrays(rectifier.state())),
        ...withPrefix("decoder", await toNamedArrays(adapter?.state() ?? {})),
      };
    },

    restore(arrays) {
      lendTensors(arrays, "rectifier", (state) => rectifier.restore(state));
      if (adapter) lendTensors(arrays, "decoder", (state) => adapter.restore(state));
      lendTensors(arrays, "optimizer", (state) => optimizer.restore(state));
      lendTensors(arrays, "average", (state) => average!.restore(state));
    },

    dispose() {
      optimizer.dispose();
      average?.dispose();
    },
  };
}
