/** The contract of a rectifier: it estimates the latent from its quantized version. */
import type { Tensor4D, Variable } from "@tensorflow/tfjs-core";
import type { Disposable } from "./backbone.js";
import type { NamedTensors } from "./named-tensors.js";

/** A network on standardized latents, whatever the transform was. n may be 0. */
export interface Rectifier extends Disposable {
  /**
   * quantized `[n, h, w, c]` float32, standardized -> estimate of the latent. Differentiable; the
   * caller owns it.
   */
  rectify(quantized: Tensor4D): Tensor4D;
  /** Empty when there is nothing to train. */
  readonly variables: readonly Variable[];
  /** What a checkpoint must hold, borrowed. */
  state(): NamedTensors;
  /** Copies what it is given. */
  restore(state: NamedTensors): void;
}
