/** The contract of what fine-tunes a decoder: variables, and the decoder's weights made of them. */
import type { Disposable, NamedTensors } from "@revq/core";
import type { Variable } from "@tensorflow/tfjs-core";

/**
 * Which part of the decoder is trained. `last`: its last stages; `all`: every tensor; `lora`: a
 * low-rank change of every matrix.
 */
export type AdapterMode = "last" | "all" | "lora";

/** Starts as the decoder itself: the first images are those of the frozen decoder. */
export interface DecoderAdapter extends Disposable {
  readonly mode: AdapterMode;
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
