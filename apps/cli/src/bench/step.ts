/**
 * Times training steps on random latents: for the recipe `paper` the step of the training itself (`createPaperStep`), for
 * the recipe `kmeans` a step of the rectifier alone, on ids that were looked up before.
 *
 * Whole steps are timed as in training. Then the parts are timed one by one. Waiting for each part slows engines that work
 * ahead, so the parts need not add up to the whole.
 */
import type { NamedTensors, Quantizer, Random } from "@revq/core";
import type { Engine } from "@revq/engine";
import {
  createPaperStep,
  disposeBatch,
  type LatentBatch,
  type RectifierGradients,
  type RunConfig,
  type SearchedBatch,
} from "@revq/train";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { gpuBytes, median, milliseconds, peakRssMiB } from "./measure.js";
import { createRectifierStep, meanSquaredError, type BenchCodec, type BenchStep } from "./rectifier-step.js";
import { latentShape } from "./step-setup.js";

export interface StepTimes {
  /** Nearest codes of the batch, their loss and its gradient. The recipe `kmeans` does it once an image, not every step. */
  readonly quantize: number;
  /** Loss of the rectifier without a gradient. */
  readonly rectifierForward: number;
  /** Loss and gradient, less `rectifierForward`. */
  readonly rectifierBackward: number;
  /** Clipping and AdamW, of the rectifier and in the recipe `paper` of the codebooks. */
  readonly optimizer: number;
  /** A step as in training. */
  readonly total: number;
}

type PartTimes = Omit<StepTimes, "total">;

export interface StepReport {
  /** Medians, milliseconds. */
  readonly msPerStep: StepTimes;
  readonly peakRssMiB: number;
  readonly gpuBytes: number | null;
}

export interface StepOptions {
  /** Its parameters are changed; it stays the caller's. */
  readonly codec: BenchCodec;
  readonly config: RunConfig;
  readonly engine: Engine;
  readonly random: Random;
  /** Timed steps, whole and in parts each, after three that do not count. */
  readonly steps: number;
  readonly signal: AbortSignal;
  report(done: number, total: number): void;
}

/** They let engines compile their graphs, and JavaScript its code. */
const warmUpSteps = 3;

export async function benchStep(options: StepOptions): Promise<StepReport> {
  const { codec, config, engine, random, steps, signal, report } = options;
  const { channels, height, width } = latentShape;
  randomize(codec.quantizer, random.fork("codebooks"));
  const standardized = normal([config.train.batch, height, width, channels], random.fork("latents")) as Tensor4D;
  const latents: LatentBatch = { standardized, coefficients: await codec.forward(standardized) };
  const step: BenchStep =
    config.recipe === "paper" && codec.quantizer.gradients
      ? createPaperStep(codec, config.train)
      : await createRectifierStep(codec, config.train, latents);
  const rounds = warmUpSteps + steps;
  const totals: number[] = [];
  const parts: PartTimes[] = [];
  try {
    for (let round = 0; round < 2 * rounds; round++) {
      signal.throwIfAborted();
      if (round < rounds) totals.push(await milliseconds(() => step.run(latents)));
      else parts.push(await timeParts(step, codec, latents));
      report(round + 1, 2 * rounds);
    }
    const timed = parts.slice(warmUpSteps);
    const part = (name: keyof PartTimes): number => median(timed.map((times) => times[name]));
    return {
      msPerStep: {
        quantize: part("quantize"),
        rectifierForward: part("rectifierForward"),
        rectifierBackward: part("rectifierBackward"),
        optimizer: part("optimizer"),
        total: median(totals.slice(warmUpSteps)),
      },
      peakRssMiB: peakRssMiB(),
      gpuBytes: gpuBytes(engine),
    };
  } finally {
    step.dispose();
    disposeBatch(latents);
  }
}

/** One step, waiting for every part. */
async function timeParts(step: BenchStep, { space, rectifier }: BenchCodec, latents: LatentBatch): Promise<PartTimes> {
  let searched!: SearchedBatch;
  const quantize = await milliseconds(async () => {
    searched = await step.search(latents);
    await computed(searched.quantized);
  });
  const rectifierForward = await milliseconds(async () => {
    const loss = tf.tidy(() =>
      meanSquaredError(rectifier.rectify(space.inverse(searched.quantized)), latents.standardized),
    );
    await loss.data();
    loss.dispose();
  });
  let gradients!: RectifierGradients;
  const rectifierBoth = await milliseconds(async () => {
    gradients = step.rectifierGradients(searched);
    await gradients.value.data();
  });
  const moved = rectifier.variables.at(-1);
  const optimizer = await milliseconds(async () => {
    await step.apply(searched, gradients);
    if (moved) await computed(moved);
  });
  tf.dispose([searched.ids, searched.quantized, gradients.value, gradients.grads]);
  if (!(searched.gradient instanceof Float32Array)) tf.dispose(searched.gradient);
  return { quantize, rectifierForward, rectifierBackward: Math.max(0, rectifierBoth - rectifierForward), optimizer };
}

/** Waits until a tensor is computed, by reading one of its elements. */
async function computed(tensor: tf.Tensor): Promise<void> {
  const first = tf.tidy(() => tf.slice(tf.reshape(tensor, [-1]), 0, 1));
  await first.data();
  first.dispose();
}

/** Standard normal codebooks: as far from random latents as the paper's first codebooks, which are training latents. */
function randomize(quantizer: Quantizer, random: Random): void {
  const values: NamedTensors = Object.fromEntries(
    Object.entries(quantizer.state()).map(([name, tensor]) => [
      name,
      tensor.dtype === "float32" ? normal(tensor.shape, random.fork(name)) : tf.clone(tensor),
    ]),
  );
  quantizer.restore(values);
  tf.dispose(Object.values(values));
}

function normal(shape: readonly number[], random: Random): tf.Tensor {
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  for (let i = 0; i < values.length; i++) values[i] = random.normal();
  return tf.tensor(values, [...shape]);
}
