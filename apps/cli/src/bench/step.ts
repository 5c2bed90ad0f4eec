/**
 * Times training steps on random latents: recipe `paper` with the step that training takes (`createPaperStep`), recipe `fit` with
 * one that moves the rectifier alone, on codes that were looked up before.
 *
 * Whole steps are timed as they are in training. Then the parts are timed one by one, each waited for, which costs engines that
 * work ahead something: the parts need not add up to the whole.
 */
import { isTrainable, type NamedTensors, type Quantizer, type Random, type Rectifier } from "@revq/core";
import type { Engine } from "@revq/engine";
import {
  clipScale,
  createAdamW,
  createPaperStep,
  type MadePlan,
  type PaperStep,
  type RectifierGradients,
  type RunConfig,
  type SearchedBatch,
} from "@revq/train";
import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { gpuBytes, median, milliseconds, peakRssMiB } from "./measure.js";
import { latentShape } from "./step-setup.js";

export interface StepTimes {
  /** Nearest codes of the batch, their loss and its gradient. Recipe `fit` does it once an image, not every step. */
  readonly quantize: number;
  /** Loss of the rectifier without a gradient. */
  readonly rectifierForward: number;
  /** Loss and gradient, less `rectifierForward`. */
  readonly rectifierBackward: number;
  /** Clipping and AdamW, of the rectifier and in recipe `paper` of the codebooks. */
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
  const { batch } = config.train;
  const { channels, height, width } = latentShape;
  const quantizer = plan.quantizer.instance;
  const rectifier = plan.rectifier.instance;
  randomize(quantizer, random.fork("codebooks"));
  const latents = normal([batch, height, width, channels], random.fork("latents")) as Tensor4D;
  const step: Step =
    config.recipe === "paper" && isTrainable(quantizer)
      ? createPaperStep(quantizer, rectifier, config.train)
      : await createRectifierStep(quantizer, rectifier, config.train, latents);

  /** The same step with a wait behind every part. */
  const stepInParts = async (): Promise<Omit<StepTimes, "total">> => {
    let searched!: SearchedBatch;
    const quantize = await milliseconds(async () => {
      searched = await step.search(latents);
      await settle(searched.quantized);
    });
    const rectifierForward = await milliseconds(async () => {
      const loss = tf.tidy(() => meanSquaredError(rectifier.rectify(searched.quantized), latents));
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
      if (moved) await settle(moved);
    });
    tf.dispose([searched.codes, searched.quantized, gradients.value, gradients.grads]);
    if (!(searched.gradient instanceof Float32Array)) tf.dispose(searched.gradient);
    return {
      quantize,
      rectifierForward,
      rectifierBackward: Math.max(0, rectifierBoth - rectifierForward),
      optimizer,
    };
  };

  const rounds = warmUpSteps + steps;
  const totals: number[] = [];
  const parts: Omit<StepTimes, "total">[] = [];
  try {
    for (let round = 0; round < 2 * rounds; round++) {
      signal.throwIfAborted();
      if (round < rounds) totals.push(await milliseconds(() => step.run(latents)));
      else parts.push(await stepInParts());
      report(round + 1, 2 * rounds);
    }
    const timed = parts.slice(warmUpSteps);
    const part = (name: keyof Omit<StepTimes, "total">): number => median(timed.map((times) => times[name]));
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
    latents.dispose();
  }
}

type Step = Pick<PaperStep, "search" | "rectifierGradients" | "apply" | "run" | "dispose">;

/** The rectifier alone, on codes that do not change. */
async function createRectifierStep(
  quantizer: Quantizer,
  rectifier: Rectifier,
  { learningRate, rectifierRate, weightDecay, clipNorm }: RunConfig["train"],
  latents: Tensor4D,
): Promise<Step> {
  const { variables } = rectifier;
  const optimizer = createAdamW([
    { name: "rectifier", variables, learningRate: learningRate * rectifierRate, weightDecay },
  ]);
  const codes = await quantizer.quantize(latents);
  const ids = (await codes.data()) as Int32Array;
  const quantized = quantizer.dequantize(codes);
  const gradients = (to: Tensor4D): RectifierGradients => {
    const loss = (): Scalar => meanSquaredError(rectifier.rectify(to), latents);
    // Only the loss where there is nothing to train, as an identity rectifier has it.
    return variables.length > 0 ? tf.variableGrads(loss, [...variables]) : { value: tf.tidy(loss), grads: {} };
  };
  const apply = ({ grads }: RectifierGradients): void => {
    if (variables.length === 0) return;
    tf.tidy(() => optimizer.apply(grads, { rectifier: clipScale(grads, clipNorm).scale }));
  };
  return {
    async search() {
      const found = (await quantizer.quantize(latents)) as Tensor2D;
      return {
        latents,
        codes: found,
        ids,
        quantized: quantizer.dequantize(found),
        loss: 0,
        gradient: new Float32Array(0),
      };
    },
    rectifierGradients: (batch) => gradients(batch.quantized),
    apply: async (_, computed) => apply(computed),
    async run() {
      const computed = gradients(quantized);
      apply(computed);
      tf.dispose(computed.grads);
      const loss = (await computed.value.data())[0]!;
      computed.value.dispose();
      return { ids, quantizer: 0, rectifier: loss };
    },
    dispose() {
      optimizer.dispose();
      tf.dispose([codes, quantized]);
    },
  };
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
