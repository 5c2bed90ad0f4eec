/** The contract of a quantizer: coefficients of latents to ids and back. */
import type { Tensor2D, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import type { Disposable } from "./backbone.js";
import type { NamedTensors } from "./named-tensors.js";
import type { FitContext } from "./progress.js";
import type { Random } from "./random.js";
import type { LatentSource } from "./sources.js";
import type { TokenLayout } from "./token-layout.js";

/** What a fit did, pass by pass. */
export interface FitReport {
  /**
   * One entry per pass over the data: mean squared error per element, and the fraction of codes in
   * use.
   */
  readonly passes: readonly { readonly mse: number; readonly usage: number }[];
}

/**
 * Maps coefficients (latents after the transform) to ids and back. `dequantize(quantize(z))` is
 * deterministic. The number of samples n may be 0.
 */
export interface Quantizer extends Disposable {
  readonly layout: TokenLayout;
  /**
   * Learns the codebooks. A quantizer without parameters measures its error and returns a report of
   * one pass.
   */
  fit(latents: LatentSource, context: FitContext): Promise<FitReport>;
  /** coefficients `[n, h, w, c]` float32 -> ids `[n, t]` int32. The caller owns the result. */
  quantize(coefficients: Tensor4D): Promise<Tensor2D>;
  /**
   * ids `[n, t]` int32 -> coefficients `[n, h, w, c]` float32. Ids are not checked here: whoever
   * takes them from outside throws `code-out-of-range`.
   */
  dequantize(ids: Tensor2D): Tensor4D;
  /** What a checkpoint must hold, borrowed. */
  state(): NamedTensors;
  /** Copies what it is given. */
  restore(state: NamedTensors): void;
  /** Present when the codebooks can be trained by gradient. */
  readonly gradients?: QuantizerGradients;
  /** Present when ids can be computed by tensor operations alone, as exported models need it. */
  readonly graph?: QuantizerGraph;
}

/** Training by gradient: `dequantize` is differentiable in `variables`. */
export interface QuantizerGradients {
  readonly variables: readonly Variable[];
  /** Draws the first codebooks from training latents. */
  initialize(latents: LatentSource, random: Random): Promise<void>;
  /**
   * Replaces codes that no training batch of the epoch used.
   * @param counts hits per code in the epoch, groups one after the other: `[sum(codebookSizes)]`
   * @returns how many codes were replaced
   */
  replaceUnusedCodes(counts: Int32Array, random: Random): Promise<number>;
  /**
   * Present when a trainer may change the codebooks in host memory, without tensors of their size.
   */
  readonly hostCodebooks?: HostCodebooks;
}

/**
 * The codebooks in the host memory that the search reads. While a trainer changes them, `variables`
 * may be out of date; `quantize`, `dequantize`, `state` and `replaceUnusedCodes` are not.
 */
export interface HostCodebooks {
  /**
   * float32 `[codes of all groups, d]`, as of the last search. A trainer writes into it and then
   * calls `changed`.
   */
  values(): Float32Array;
  changed(): void;
  /** ids `[n, t]` flat -> coefficients `[n, h, w, c]` flat, float32: what `dequantize` returns. */
  lookUp(ids: Int32Array): Float32Array;
  /**
   * Sums a gradient by code.
   * @param gradient of the loss with respect to `lookUp(ids)`, `[n, h, w, c]` flat, finite
   * @returns the codes that were hit, `[rows]` ascending; their gradients, `[rows, d]`; the norm of
   *   all of them
   */
  gradientByCode(ids: Int32Array, gradient: Float32Array): { rows: Int32Array; sums: Float32Array; norm: number };
}

/** Ids by tensor operations alone. */
export interface QuantizerGraph {
  /**
   * Like `Quantizer.quantize`, inside `tf.tidy`. It may take far more memory. Values that are
   * equally near within rounding may get another id.
   */
  quantize(coefficients: Tensor4D): Tensor2D;
}
