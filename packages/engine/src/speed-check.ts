/** Speed of an engine at matrix products and 3x3 convolutions, which dominate training. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type { Engine } from "./engine.js";

export interface SpeedMeasurement {
  /** The computation: "matmul 1024^3". */
  readonly what: string;
  /** Milliseconds of the fastest repetition. */
  readonly ms: number;
  /** 10^9 multiplications and additions a second. */
  readonly gflops: number;
}

export interface Speed {
  /** 1024^3, or a smaller one (see `what`) where that would take seconds. */
  readonly matmul: SpeedMeasurement;
  /** One image of 64 x 64, 64 -> 64 channels, 3 x 3. */
  readonly convolution: SpeedMeasurement;
}

interface Task {
  readonly what: string;
  readonly flops: number;
  /** The input of the first step, and the constant of every step. */
  make(): [Tensor, Tensor];
  /** Keeps the scale of its input: steps form a chain, so that lazy engines cannot skip any. */
  step(value: Tensor, constant: Tensor): Tensor;
}

/** Milliseconds for each measurement, after its first step. */
const budget = 1500;

/**
 * Measures an engine in a few seconds. Its backend becomes the current one.
 *
 * @example
 * const engine = await createEngine({ engine: "wasm" });
 * const { convolution } = await speedCheck(engine);
 * convolution.gflops > 0; // => true
 * engine.dispose();
 */
export async function speedCheck(engine: Engine): Promise<Speed> {
  await tf.setBackend(engine.info().backend);
  const small = await measure(product(256), 1);
  const expected = (small.ms * 1024 ** 3) / 256 ** 3;
  return { matmul: await measure(product(expected > budget ? 256 : 1024)), convolution: await measure(convolution) };
}

function product(size: number): Task {
  return {
    what: `matmul ${size}^3`,
    flops: 2 * size ** 3,
    make: () => [tf.randomNormal([size, size]), tf.randomNormal([size, size], 0, 1 / Math.sqrt(size))],
    step: (value, constant) => tf.matMul(value as Tensor2D, constant as Tensor2D),
  };
}

const convolution: Task = {
  what: "3x3 convolution 64 -> 64 on 64x64",
  flops: 2 * 9 * 64 * 64 * 64 * 64,
  make: () => [tf.randomNormal([1, 64, 64, 64]), tf.randomNormal([3, 3, 64, 64], 0, 1 / 24)],
  step: (value, constant) => tf.conv2d(value as Tensor4D, constant as Tensor4D, 1, "same"),
};

async function measure(task: Task, repetitions = 5): Promise<SpeedMeasurement> {
  const [start, constant] = task.make();
  try {
    let steps = 1;
    let ms = await timeSteps(task, start, constant, steps);
    const began = performance.now();
    for (let i = 0; i < repetitions && performance.now() - began < budget; i++) {
      // Long enough to make the time of the download negligible.
      steps = Math.max(1, Math.min(64, Math.floor(budget / (repetitions * 2) / ms)));
      ms = Math.min(ms, await timeSteps(task, start, constant, steps));
    }
    return { what: task.what, ms, gflops: task.flops / ms / 1e6 };
  } finally {
    tf.dispose([start, constant]);
  }
}

/** Milliseconds per step, over a chain of steps. Reads the last value. */
async function timeSteps(task: Task, start: Tensor, constant: Tensor, steps: number): Promise<number> {
  const began = performance.now();
  const last = tf.tidy(() => {
    let value = start;
    for (let i = 0; i < steps; i++) {
      const next = task.step(value, constant);
      if (value !== start) value.dispose();
      value = next;
    }
    return tf.sum(value);
  });
  await last.data();
  last.dispose();
  return (performance.now() - began) / steps;
}
