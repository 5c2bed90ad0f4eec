/**
 * AdamW as one kernel, "AdamW", which tfjs lacks. As graph operators a step takes a dozen passes
 * over tensors of the size of the weights. Here it is one pass on the host over the graph's results.
 *
 * A trainer finds it with `tf.getKernel("AdamW", tf.getBackend())` and calls it with
 * `tf.engine().runKernel`.
 */
import { createAdamWStep, type AdamWAttributes, type AdamWStep, type Moving } from "./adamw.js";
import { defineInfoKernel, type OnnxKernel } from "./define.js";

let step: AdamWStep | undefined;

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
    step ??= createAdamWStep();
    const move = step;
    return backend.computed([variable!.shape, mean!.shape, square!.shape], (after) =>
      move(before as unknown as Moving, slope, after as unknown as Moving, factor, attributes),
    );
  }),
];
