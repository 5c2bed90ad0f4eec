/** What fine-tunes a decoder: variables, and the decoder's weights made of them. */
import type { Disposable, NamedTensors, Random } from "@revq/core";
import { adaptedTensors, type DecoderMode } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Variable } from "@tensorflow/tfjs-core";
import { assignVariables } from "../run/tensor-state.js";
import type { AdapterPlan } from "./adapter-shapes.js";

/** Starts as the decoder itself: the first images are those of the frozen decoder. */
export interface DecoderAdapter extends Disposable {
  readonly mode: DecoderMode;
  readonly variables: readonly Variable[];
  /**
   * The adapted tensors, by name, for `DecoderGradients.decode`. Call it inside `tf.tidy`.
   * Differentiable in `variables`.
   */
  weights(): NamedTensors;
  /** What a checkpoint and the tokenizer's file hold, borrowed. */
  state(): NamedTensors;
  /** Copies what it is given. Throws `state-*`. */
  restore(state: NamedTensors): void;
}

/** @param state `Backbone.state()`; borrowed for the adapter's life */
export function createDecoderAdapter(plan: AdapterPlan, state: NamedTensors, random: Random): DecoderAdapter {
  const { mode, shapes } = plan;
  const variables: Record<string, Variable> = {};
  for (const [name, shape] of shapes) {
    variables[name] = tf.tidy(() =>
      tf.variable(mode === "lora" ? startOfFactor(name, shape, random) : tf.clone(state[name]!)),
    );
  }
  return {
    mode,
    variables: Object.values(variables),
    weights: () => (mode === "lora" ? adaptedTensors(mode, state, variables) : variables),
    state: () => variables,
    restore: (saved) => assignVariables(variables, saved),
    dispose: () => tf.dispose(variables),
  };
}

/**
 * b is zero, so the change is. a has the variance 1 / rank: a step of b by one learning rate then
 * moves a weight by about as much.
 */
function startOfFactor(name: string, shape: readonly number[], random: Random): Tensor {
  if (name.endsWith(".b")) return tf.zeros([...shape]);
  const [rows, rank] = shape as [number, number];
  const draw = random.fork(name);
  const values = Float32Array.from({ length: rows * rank }, () => draw.normal() / Math.sqrt(rank));
  return tf.tensor2d(values, [rows, rank]);
}
