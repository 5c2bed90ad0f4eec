/** The contract of a quantizer: standardized latents to codes and back. */
import type { Tensor2D, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import type { Disposable } from "./backbone.js";
import type { NamedArrays, NamedTensors } from "./named-tensors.js";
import type { FitContext } from "./progress.js";
import type { Random } from "./random.js";
import type { LatentSource } from "./sources.js";

/** How an image becomes tokens. Token t picks one of `codes[groupOf[t]]` codes out of the codebook of its group. */
export interface TokenSpec {
  /** T: tokens per image. */
  readonly tokens: number;
  /** Codes in each group's codebook; its length is the number of groups. */
  readonly codes: readonly number[];
  /** The group of each token, `[T]`. */
  readonly groupOf: Int32Array;
}

export interface FitReport {
  /** One entry a pass over the data: mean squared error per element in the standardized space, fraction of codes in use. */
  readonly passes: readonly { readonly mse: number; readonly usage: number }[];
}

/** Maps standardized latents to codes and back. `dequantize(quantize(z))` is exact and deterministic. n may be 0. */
export interface Quantizer extends Disposable {
  readonly tokens: TokenSpec;
  /** Learns the codebooks from standardized latents. A quantizer without parameters returns a report of one pass. */
  fit(latents: LatentSource, context: FitContext): Promise<FitReport>;
  /** latents `[n, h, w, c]` float32 -> codes `[n, t]` int32. Asynchronous: some engines search outside tfjs. The caller owns the result. */
  quantize(latents: Tensor4D): Promise<Tensor2D>;
  /**
   * The same by operations of the tensor engine alone, for quantizers whose `quantize` leaves it: what an exported model computes.
   * It may take far more memory than `quantize`. Values that are equally near within rounding may
   * get another code.
   */
  quantizeOnEngine?(latents: Tensor4D): Tensor2D;
  /** codes `[n, t]` int32 -> latents `[n, h, w, c]` float32. Codes out of range throw `code-out-of-range` where they enter revq, not here. */
  dequantize(codes: Tensor2D): Tensor4D;
  /** What a checkpoint must hold, borrowed. */
  state(): NamedTensors;
  restore(state: NamedTensors): void;
}

/** A quantizer that can be trained by gradient (recipe `paper`): `dequantize` is differentiable in `variables`. */
export interface TrainableQuantizer extends Quantizer {
  readonly variables: readonly Variable[];
  /** Draws the first codebooks out of training latents. */
  initialize(latents: LatentSource, random: Random): Promise<void>;
  /**
   * Replaces codes that the epoch's training batches did not use.
   * @param counts hits per code of the epoch, groups one after the other: `[sum(tokens.codes)]`
   * @returns how many codes were replaced
   */
  endOfEpoch(counts: Int32Array, random: Random): Promise<number>;
  /**
   * Offered by quantizers that can train their codebooks without tensors of their size. While a trainer is in use `variables`
   * may lag behind it; `quantize`, `dequantize`, `state` and `endOfEpoch` do not. The caller disposes the trainer. Null where the
   * options rule it out.
   */
  createTrainer?(): CodebookTrainer | null;
}

export interface CodebookStep {
  readonly learningRate: number;
  /** The gradient is scaled by min(1, clipNorm / (its norm + 1e-6)), as `torch.nn.utils.clip_grad_norm_` does it. */
  readonly clipNorm: number;
  /** The number of this step, from 1: AdamW's bias corrections. */
  readonly step: number;
}

/** Moves codebooks by AdamW without weight decay, on the host, in the memory that the search reads. */
export interface CodebookTrainer extends Disposable {
  /** codes `[n, t]` flat -> float32 `[n, h, w, c]` flat: what `dequantize` gives. */
  lookUp(codes: Int32Array): Float32Array;
  /** @param gradient of the loss with respect to `lookUp(codes)`, finite */
  step(codes: Int32Array, gradient: Float32Array, settings: CodebookStep): void;
  /** For variable i of the quantizer `i.exp_avg` and `i.exp_avg_sq`, of its shape: PyTorch's names. Borrowed. */
  state(): NamedArrays;
  /** Copies. */
  restore(state: NamedArrays): void;
}

export function isTrainable(quantizer: Quantizer): quantizer is TrainableQuantizer {
  const candidate = quantizer as Partial<TrainableQuantizer>;
  return Array.isArray(candidate.variables) && typeof candidate.endOfEpoch === "function";
}

/** Bits that the ids of one image carry at most: the sum of log2 of every token's number of codes. */
export function bitsPerImage(tokens: TokenSpec): number {
  return tokens.groupOf.reduce((bits, group) => bits + Math.log2(tokens.codes[group]!), 0);
}

/** Size of the vocabulary of flat ids: every token position has codes of its own. */
export function vocabularySize(tokens: TokenSpec): number {
  return tokens.groupOf.reduce((size, group) => size + tokens.codes[group]!, 0);
}

/** Where the flat ids of each token start, `[T]`: flat id = offset[t] + code, which is t * K + code when all groups have K codes. */
export function vocabularyOffsets(tokens: TokenSpec): Int32Array {
  const offsets = new Int32Array(tokens.tokens);
  for (let t = 1; t < tokens.tokens; t++) offsets[t] = offsets[t - 1]! + tokens.codes[tokens.groupOf[t - 1]!]!;
  return offsets;
}

/** Where each group's codes start in an array that holds all groups one after the other, `[G]`. */
export function codebookOffsets(tokens: TokenSpec): Int32Array {
  const offsets = new Int32Array(tokens.codes.length);
  for (let g = 1; g < offsets.length; g++) offsets[g] = offsets[g - 1]! + tokens.codes[g - 1]!;
  return offsets;
}
