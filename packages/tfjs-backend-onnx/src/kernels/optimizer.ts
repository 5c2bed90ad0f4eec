/**
 * AdamW as one kernel, "AdamW", which tfjs lacks. As graph operators a step takes a dozen passes
 * over tensors of the size of the weights. Here it is one loop on the host over the graph's
 * results.
 *
 * A trainer finds it with `tf.getKernel("AdamW", tf.getBackend())` and calls it with
 * `tf.engine().runKernel`.
 */
import { defineInfoKernel, type OnnxKernel } from "./define.js";

/** Numbers instead of tensors: a new rate needs no new graph. */
export interface AdamWAttributes {
  /** Learning rate with both bias corrections: lr * sqrt(1 - beta2^t) / (1 - beta1^t). */
  readonly rate: number;
  /** 1 - lr * weightDecay. */
  readonly keep: number;
  readonly beta1: number;
  readonly beta2: number;
  /** Epsilon * sqrt(1 - beta2^t). */
  readonly epsilon: number;
}

/**
 * Inputs `variable`, `gradient`, `mean`, `square` (float32, one shape) and optionally `scale`, a
 * scalar factor of the gradient. Runs the queue. Returns the new variable, mean and square,
 * computed in float64 and rounded once.
 */
export const optimizerKernels: readonly OnnxKernel[] = [
  defineInfoKernel<AdamWAttributes>("AdamW", (backend, inputs, attributes) => {
    const { variable, gradient, mean, square, scale } = inputs;
    const factor = scale ? backend.float32(scale)[0]! : 1;
    const before = [variable!, mean!, square!].map((info) => backend.float32(info));
    const slope = backend.float32(gradient!);
    return backend.computed([variable!.shape, mean!.shape, square!.shape], (after) =>
      step(before as unknown as Triple, slope, after as unknown as Triple, factor, attributes),
    );
  }),
];

type Triple = readonly [parameter: Float32Array, mean: Float32Array, square: Float32Array];

function step(
  [parameter, mean, square]: Triple,
  gradient: Float32Array,
  [newParameter, newMean, newSquare]: Triple,
  scale: number,
  { rate, keep, beta1, beta2, epsilon }: AdamWAttributes,
): void {
  const [rest1, rest2] = [1 - beta1, 1 - beta2];
  for (let i = 0; i < parameter.length; i++) {
    const g = gradient[i]! * scale;
    const m = beta1 * mean[i]! + rest1 * g;
    const v = beta2 * square[i]! + rest2 * g * g;
    newMean[i] = m;
    newSquare[i] = v;
    newParameter[i] = parameter[i]! * keep - (rate * m) / (Math.sqrt(v) + epsilon);
  }
}
