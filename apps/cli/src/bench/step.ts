/**
 * Times training steps on random latents. Mirrors the steps of the two recipes in `@revq/train`: `paper` searches, takes both
 * gradients and moves codebooks and rectifier; `fit` moves the rectifier alone, on codes that were looked up before.
 *
 * Whole steps are timed as they are in training. Then the parts are timed one by one, each waited for, which costs engines that
 * work ahead something: the parts need not add up to the whole.
 */
import { isTrainable, type NamedTensors, type Quantizer, type Random } from "@revq/core";
import type { Engine } from "@revq/engine";
import { clipByGlobalNorm, createAdamW, type MadePlan, type RunConfig } from "@revq/train";
import * as tf from "@tensorflow/tfjs-core";
import type { NamedTensorMap, Scalar, Tensor2D, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import { gpuBytes, median, milliseconds, peakRssMiB } from "./measure.js";
import { latentShape } from "./step-setup.js";

export interface StepTimes {
  /** Nearest codes of the batch, the download of changed codebooks included. Recipe `fit` does it once an image, not every step. */
  readonly quantize: number;
  /** Loss of the codebooks and its gradient; 0 in recipe `fit`. */
  readonly codebookGradient: number;
  /** Loss of the rectifier without a gradient. */
  readonly rectifierForward: number;
  /** Loss and gradient, less `rectifierForward`. */
  readonly rectifierBackward: number;
  /** Clipping and AdamW. */
  readonly optimizer: number;
  /** A step as training does it. */
  readonly total: number;
}

export interface StepReport {
  /** Medians, milliseconds. */
  readonly msPerStep: StepTimes;
  readonly peakRssMiB: number;
  readonly gpuBytes: number | null;
}

export interface StepOptions {
  readonly plan: MadePlan;
  readonly config: RunConfig;
  readonly engine: Engine;
  readonly random: Random;
  /** Timed steps, whole and in parts each, after three that do not count. */
  readonly steps: number;
  readonly signal: AbortSignal;
  report(done: number, total: number): void;
}

/** Until engines that compile have seen every graph, and JavaScript is compiled too. */
const warmUpSteps = 3;

/** The plan's quantizer and rectifier are changed, and stay the caller's. */
export async function benchStep({
  plan,
  config,
  engine,
  random,
  steps,
  signal,
  report,
}: StepOptions): Promise<StepReport> {
  const { batch, learningRate, rectifierRate, weightDecay, clipNorm } = config.train;
  const { channels, height, width } = latentShape;
  const quantizer = plan.quantizer.instance;
  const rectifier = plan.rectifier.instance;
  const codebooks = config.recipe === "paper" && isTrainable(quantizer) ? quantizer.variables : [];
  randomize(quantizer, random.fork("codebooks"));
  const latents = normal([batch, height, width, channels], random.fork("latents")) as Tensor4D;
  const optimizer = createAdamW([
    { name: "quantizer", variables: codebooks, learningRate, weightDecay: 0 },
    { name: "rectifier", variables: rectifier.variables, learningRate: learningRate * rectifierRate, weightDecay },
  ]);
  const searched = await quantizer.quantize(latents);

  const codebookLoss = (codes: Tensor2D) => (): Scalar => meanSquaredError(quantizer.dequantize(codes), latents);
  const rectifierLoss = (quantized: Tensor4D) => (): Scalar => meanSquaredError(rectifier.rectify(quantized), latents);
  const move = (...gradients: NamedTensorMap[]): void =>
    tf.tidy(() => {
      const clipped = gradients.filter((some) => Object.keys(some).length > 0);
      optimizer.apply(Object.assign({}, ...clipped.map((some) => clipByGlobalNorm(some, clipNorm).gradients)));
    });

  const wholeStep = async (): Promise<void> => {
    const codes = codebooks.length > 0 ? await quantizer.quantize(latents) : searched;
    const losses = tf.tidy(() => {
      const parts = codebooks.length > 0 ? [gradientsOf(codebooks, codebookLoss(codes))] : [];
      parts.push(gradientsOf(rectifier.variables, rectifierLoss(quantizer.dequantize(codes))));
      move(...parts.map(({ grads }) => grads));
      return parts.map(({ value }) => value);
    });
    for (const loss of losses) await loss.data();
    tf.dispose(losses);
    if (codes !== searched) codes.dispose();
  };

  /** The same step with a wait behind every part. */
  const stepInParts = async (): Promise<Omit<StepTimes, "total">> => {
    let codes!: Tensor2D;
    const quantize = await milliseconds(async () => {
      codes = await quantizer.quantize(latents);
      await codes.data();
    });
    const quantized = quantizer.dequantize(codes);
    await settle(quantized);
    let ofCodebooks!: Gradients;
    const codebookGradient = await milliseconds(async () => {
      ofCodebooks = gradientsOf(codebooks, codebookLoss(codes));
      await ofCodebooks.value.data();
    });
    const rectifierForward = await milliseconds(async () => {
      const loss = tf.tidy(rectifierLoss(quantized));
      await loss.data();
      loss.dispose();
    });
    let ofRectifier!: Gradients;
    const rectifierBoth = await milliseconds(async () => {
      ofRectifier = gradientsOf(rectifier.variables, rectifierLoss(quantized));
      await ofRectifier.value.data();
    });
    const moved = [...codebooks, ...rectifier.variables].at(-1);
    const applied = await milliseconds(async () => {
      move(ofCodebooks.grads, ofRectifier.grads);
      if (moved) await settle(moved);
    });
    tf.dispose([codes, quantized, ofCodebooks, ofRectifier] as unknown as tf.TensorContainer);
    return {
      quantize,
      codebookGradient: codebooks.length > 0 ? codebookGradient : 0,
      rectifierForward,
      rectifierBackward: Math.max(0, rectifierBoth - rectifierForward),
      optimizer: applied,
    };
  };

  const rounds = warmUpSteps + steps;
  const totals: number[] = [];
  const parts: Omit<StepTimes, "total">[] = [];
  try {
    for (let round = 0; round < 2 * rounds; round++) {
      signal.throwIfAborted();
      if (round < rounds) totals.push(await milliseconds(wholeStep));
      else parts.push(await stepInParts());
      report(round + 1, 2 * rounds);
    }
    const timed = parts.slice(warmUpSteps);
    const part = (name: keyof Omit<StepTimes, "total">): number => median(timed.map((times) => times[name]));
    return {
      msPerStep: {
        quantize: part("quantize"),
        codebookGradient: part("codebookGradient"),
        rectifierForward: part("rectifierForward"),
        rectifierBackward: part("rectifierBackward"),
        optimizer: part("optimizer"),
        total: median(totals.slice(warmUpSteps)),
      },
      peakRssMiB: peakRssMiB(),
      gpuBytes: gpuBytes(engine),
    };
  } finally {
    optimizer.dispose();
    tf.dispose([latents, searched]);
  }
}

interface Gradients {
  readonly value: Scalar;
  readonly grads: NamedTensorMap;
}

/** Only the loss where there is nothing to train, as an identity rectifier has it. */
function gradientsOf(variables: readonly Variable[], loss: () => Scalar): Gradients {
  return variables.length > 0 ? tf.variableGrads(loss, [...variables]) : { value: tf.tidy(loss), grads: {} };
}

function meanSquaredError(a: Tensor4D, b: Tensor4D): Scalar {
  return tf.mean(tf.squaredDifference(a, b));
}

/** Waits until a tensor is computed, reading one of its numbers. */
async function settle(tensor: tf.Tensor): Promise<void> {
  const first = tf.tidy(() => tf.slice(tf.reshape(tensor, [-1]), 0, 1));
  await first.data();
  first.dispose();
}

/** Standard normal codebooks: as far from random latents as the paper's are, which start as training latents. */
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
