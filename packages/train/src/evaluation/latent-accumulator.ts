/**
 * Accumulates the latent metrics: errors by element, variance, code usage, and the rate-distortion
 * bound.
 */
import { LatentMoments, reverseWaterfill, symmetricEigen, type SavedStatistics } from "@revq/numerics";
import { latentSize, underPrefix, withPrefix, type LatentShape, type TokenLayout } from "@revq/core";
import {
  CodeCounter,
  CovarianceAccumulator,
  SpectrumAccumulator,
  type PriorGrid,
  type TokenPrior,
} from "@revq/metrics";
import type { Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type { LatentBound, LatentError, TokenizerMetrics } from "../run/records.js";
import type { LatentDetails } from "@revq/report";
import { groupDetails } from "./group-details.js";
import type { MeasuredRange } from "./image-accumulator.js";
import { IdSample } from "./prior-cost.js";

/**
 * Up to this size the full covariance is affordable, if there are enough latents to estimate it.
 */
const maxCovarianceElements = 1024;
const minSamplesPerElement = 4;

type LatentMetrics = Pick<
  TokenizerMetrics,
  | "images"
  | "bitsPerImage"
  | "measuredBitsPerImage"
  | "prior"
  | "latentMse"
  | "explainedVariance"
  | "rateDistortionBound"
  | "channelShares"
  | "usage"
  | "perplexity"
  | "entropy"
  | "samplesPerCode"
>;

/** What the metrics of a tokenizer depend on. */
export interface MeasuredShape {
  readonly latentShape: LatentShape;
  readonly layout: TokenLayout;
  /** Where tokens lie, or null. */
  readonly grid: PriorGrid | null;
  readonly bitsPerImage: number;
  readonly channelShares: readonly number[] | null;
}

export class LatentMetricsAccumulator {
  private readonly idCounts: CodeCounter;
  private readonly idSample: IdSample;
  /** Of the standardized latents. */
  private readonly moments: LatentMoments;
  /** Sums of squared errors by element (h, w, c). */
  private readonly sums: Record<"quantized" | "rectified", Float64Array>;
  private readonly spectrum: SpectrumAccumulator;
  private readonly covariance: CovarianceAccumulator | null;

  /**
   * @param range about how many latents there are, and the first that will be added
   * @param prior fitted on the training ids; null: the latents are coded by halves
   */
  constructor(
    private readonly shape: MeasuredShape,
    range: MeasuredRange,
    private readonly prior: TokenPrior | null = null,
  ) {
    const { expected } = range;
    const { latentShape, layout } = shape;
    const size = latentSize(latentShape);
    const zeros = (): Float64Array => new Float64Array(size);
    this.idCounts = new CodeCounter(layout);
    this.idSample = new IdSample(layout, range);
    this.moments = new LatentMoments(size);
    this.sums = { quantized: zeros(), rectified: zeros() };
    this.spectrum = new SpectrumAccumulator(latentShape);
    const known = size <= maxCovarianceElements && expected >= minSamplesPerElement * size;
    this.covariance = known ? new CovarianceAccumulator(size) : null;
  }

  /**
   * @param latents `[n, h, w, c]` as the backbone gives them
   * @returns the ids; the caller owns them
   */
  async add(tokenizer: Tokenizer, latents: Tensor4D): Promise<Tensor2D> {
    const { standardized, ids, quantized, rectified } = await tokenizer.quantizeLatents(latents);
    const data = async (tensor: tf.Tensor): Promise<Float32Array> => (await tensor.data()) as Float32Array;
    const [values, before, after] = [await data(standardized), await data(quantized), await data(rectified)];
    const { sums } = this;
    const size = sums.quantized.length;
    this.moments.add(values);
    for (let i = 0, element = 0; i < values.length; i++) {
      const value = values[i]!;
      sums.quantized[element]! += (before[i]! - value) ** 2;
      sums.rectified[element]! += (after[i]! - value) ** 2;
      if (++element === size) element = 0;
    }
    this.spectrum.add(values);
    this.covariance?.add(values);
    const codes = (await ids.data()) as Int32Array;
    this.idCounts.add(codes);
    this.idSample.add(codes);
    tf.dispose([standardized, quantized, rectified]);
    return ids;
  }

  /** Adds the state of another accumulator on the same tokenizer. */
  merge(state: SavedStatistics): void {
    this.idCounts.merge(underPrefix("codes", state));
    this.idSample.merge(underPrefix("sample", state));
    this.moments.merge(underPrefix("moments", state));
    this.spectrum.merge(underPrefix("spectrum", state));
    this.covariance?.mergeState(underPrefix("covariance", state));
    for (const name of ["quantized", "rectified"] as const) {
      const other = state[`sums.${name}`]!;
      for (let i = 0; i < other.length; i++) this.sums[name][i]! += other[i]!;
    }
  }

  state(): SavedStatistics {
    return {
      ...withPrefix("codes", this.idCounts.state()),
      ...withPrefix("sample", this.idSample.state()),
      ...withPrefix("moments", this.moments.state()),
      ...withPrefix("spectrum", this.spectrum.state()),
      ...withPrefix("covariance", this.covariance?.state() ?? {}),
      ...withPrefix("sums", this.sums),
    };
  }

  private get samples(): number {
    return this.moments.count;
  }

  result(): LatentMetrics {
    const { samples, idCounts, sums } = this;
    const { layout, grid, bitsPerImage, channelShares } = this.shape;
    const size = sums.quantized.length;
    const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / (samples * size);
    const latentMse: LatentError = { quantized: mean(sums.quantized), rectified: mean(sums.rectified) };
    const variance = this.moments.squares.reduce((sum, square) => sum + square / samples, 0) / size;
    return {
      images: samples,
      bitsPerImage,
      measuredBitsPerImage: idCounts.bitsPerImage,
      prior: this.idSample.cost(this.prior, grid),
      latentMse,
      explainedVariance: {
        quantized: variance > 0 ? 1 - latentMse.quantized / variance : null,
        rectified: variance > 0 ? 1 - latentMse.rectified / variance : null,
      },
      rateDistortionBound: this.bound(bitsPerImage),
      channelShares,
      usage: idCounts.usage,
      perplexity: idCounts.perplexity,
      entropy: idCounts.bitsPerImage / layout.count,
      samplesPerCode: (samples * layout.count) / layout.codebookSizes.reduce((sum, size) => sum + size, 0),
    };
  }

  details(): LatentDetails {
    const { latentShape, layout, bitsPerImage: bits, channelShares } = this.shape;
    const { channels, height, width } = latentShape;
    const over = (values: Float64Array, count: number, indexOf: (element: number) => number): number[] => {
      const sums = new Array<number>(count).fill(0);
      values.forEach((value, element) => (sums[indexOf(element)]! += value));
      return sums.map((sum) => sum / (this.samples * (values.length / count)));
    };
    const both = (count: number, indexOf: (element: number) => number) => ({
      quantized: over(this.sums.quantized, count, indexOf),
      rectified: over(this.sums.rectified, count, indexOf),
    });
    const variances = this.variances();
    return {
      shape: latentShape,
      ...groupDetails(this.idCounts.counts, layout),
      channelShares,
      errorPerChannel: both(channels, (element) => element % channels),
      errorPerPosition: both(height * width, (element) => Math.floor(element / channels)),
      bound: variances
        ? Array.from({ length: 41 }, (_, i) => {
            const at = bits * 2 ** ((i - 20) / 10);
            return { bits: at, mse: reverseWaterfill(variances, at).distortionPerElement };
          })
        : [],
    };
  }

  private bound(bits: number): LatentBound | null {
    const variances = this.variances();
    if (!variances) return null;
    const method = this.covariance ? "covariance" : "spectrum";
    return { latentMse: reverseWaterfill(variances, bits).distortionPerElement, method };
  }

  private known: Float64Array | null = null;

  private variances(): Float64Array | null {
    if (this.samples < 2) return null;
    this.known ??= this.covariance
      ? symmetricEigen(this.covariance.covariance(), this.covariance.dimensions, { vectors: false }).values
      : this.spectrum.variances();
    return this.known;
  }
}
