/**
 * The contract of a transform: an invertible, fitted map of latents in which squared error means
 * something.
 */
import type { Tensor4D } from "@tensorflow/tfjs-core";
import type { Disposable } from "./backbone.js";
import type { NamedTensors } from "./named-tensors.js";
import type { FitContext } from "./progress.js";
import type { LatentSource } from "./sources.js";

/**
 * What squared error means in the latents that a transform sees. `decoder`: to first order, error of
 * the picture. `standardized`: every element weighs the same. `centred`: the error of the latent as
 * it is.
 */
export const metricIds = ["decoder", "standardized", "centred"] as const;
export type MetricId = (typeof metricIds)[number];

/**
 * Which parts of a latent are transformed together. A latent is cut into blocks of neighbouring
 * positions, all channels; every block is transformed alike. Coefficients lie where the elements of
 * their block lay, so coefficients are `[h, w, c]` again.
 */
export interface TransformLayout {
  /** Positions of a block. */
  readonly block: readonly [rows: number, columns: number];
  /** Blocks of a latent, row by row: h * w / (rows * columns). */
  readonly blocks: number;
  /**
   * True when coefficients are ordered by component, not by position. Neighbours are then not
   * alike: tokens are better made by variance than by position.
   */
  readonly decorrelated: boolean;
}

/**
 * A fitted transform. It sees latents with mean zero in one of the metrics. n may be 0.
 */
export interface Transform extends Disposable {
  readonly layout: TransformLayout;
  /**
   * Variance of every coefficient of a block over all blocks, `[rows, columns, c]` flat, of the
   * latents that it was fitted on. Null before `fit`, and where the transform leaves the variances
   * as they are.
   */
  readonly variances: Float64Array | null;
  fit(latents: LatentSource, context: FitContext): Promise<void>;
  /**
   * The map on host arrays, computed in float64 and rounded to float32: the same bits on every
   * engine. Ids are made from it. It holds the parameters as they are now. Null when coefficients
   * are the latents themselves.
   */
  host(): Promise<HostTransform | null>;
  /**
   * latents `[n, h, w, c]` -> coefficients, by tensor operations alone; differentiable. The caller
   * owns the result.
   */
  forward(latents: Tensor4D): Tensor4D;
  /**
   * coefficients `[n, h, w, c]` -> latents, by tensor operations alone; differentiable. The caller
   * owns the result.
   */
  inverse(coefficients: Tensor4D): Tensor4D;
  /** What a checkpoint must hold, borrowed. */
  state(): NamedTensors;
  /** Copies what it is given. */
  restore(state: NamedTensors): void;
}

/** Both directions on arrays `[n, h, w, c]`, flat, in place. */
export interface HostTransform {
  forward(latents: Float32Array): void;
  inverse(coefficients: Float32Array): void;
}
