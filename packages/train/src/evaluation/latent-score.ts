/** Sums up what both kinds of evaluation measure in the latent space: errors by place, variance, codes, and the bound. */
import { LatentMoments, symmetricEigen, type SavedStatistics } from "@revq/numerics";
import { latentSize, underPrefix, withPrefix, type LatentShape, type TokenSpec } from "@revq/core";
import { CodeCounter, CovarianceAccumulator, LatentSpectrum, reverseWaterfill } from "@revq/metrics";
import type { Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type { Evaluation, LatentBound, LatentError } from "../records.js";
import type { LatentDetails } from "@revq/report";
import { groupDetails } from "./group-details.js";

/** Up to here the whole covariance is affordable, if there are enough latents to know it. */
const covarianceDimensions = 1024;
const samplesPerDimension = 4;

type LatentResult = Pick<
  Evaluation,
  | "images"
  | "bitsPerImage"
  | "measuredBitsPerImage"
  | "latentMse"
  | "explainedVariance"
  | "rateDistortionBound"
  | "usage"
  | "perplexity"
  | "entropy"
  | "samplesPerCode"
>;

/** What of a tokenizer its score depends on. */
export interface ScoredShape {
  readonly latentShape: LatentShape;
  readonly tokens: TokenSpec;
  readonly bitsPerImage: number;
}

export class LatentScore {
  private readonly codes: CodeCounter;
  /** Of the standardized latents. */
  private readonly moments: LatentMoments;
  /** Squared errors by dimension (h, w, c). */
  private readonly sums: Record<"quantized" | "rectified", Float64Array>;
  private readonly spectrum: LatentSpectrum;
  private readonly covariance: CovarianceAccumulator | null;

  /** @param expected about how many latents will come */
  constructor(
    private readonly shape: ScoredShape,
    expected: number,
  ) {
    const { latentShape, tokens } = shape;
    const size = latentSize(latentShape);
    const zeros = (): Float64Array => new Float64Array(size);
    this.codes = new CodeCounter(tokens);
    this.moments = new LatentMoments(size);
    this.sums = { quantized: zeros(), rectified: zeros() };
    this.spectrum = new LatentSpectrum(latentShape);
    const known = size <= covarianceDimensions && expected >= samplesPerDimension * size;
    this.covariance = known ? new CovarianceAccumulator(size) : null;
  }

  /** @param latents `[n, h, w, c]` in the backbone's scale. Returns the quantized latents in that scale and the codes; the caller owns both. */
  async add(tokenizer: Tokenizer, latents: Tensor4D): Promise<{ codes: Tensor2D; quantized: Tensor4D }> {
    const { standardizer } = tokenizer.parts;
    const stations = await tokenizer.quantizeLatents(latents);
    const { standardized, codes, quantized, rectified } = stations;
    const data = async (tensor: tf.Tensor): Promise<Float32Array> => (await tensor.data()) as Float32Array;
    const [values, before, after] = [await data(standardized), await data(quantized), await data(rectified)];
    const { sums } = this;
    const size = sums.quantized.length;
    this.moments.add(values);
    for (let i = 0, at = 0; i < values.length; i++) {
      const value = values[i]!;
      sums.quantized[at]! += (before[i]! - value) ** 2;
      sums.rectified[at]! += (after[i]! - value) ** 2;
      if (++at === size) at = 0;
    }
    this.spectrum.add(values);
    this.covariance?.add(values);
    this.codes.add((await codes.data()) as Int32Array);
    const unscaled = standardizer.restoreScale(quantized);
    tf.dispose([standardized, quantized, rectified]);
    return { codes, quantized: unscaled };
  }

  /** Adds what another one has seen of the same tokenizer: its `state`. */
  merge(state: SavedStatistics): void {
    this.codes.merge(underPrefix("codes", state));
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
      ...withPrefix("codes", this.codes.state()),
      ...withPrefix("moments", this.moments.state()),
      ...withPrefix("spectrum", this.spectrum.state()),
      ...withPrefix("covariance", this.covariance?.state() ?? {}),
      ...withPrefix("sums", this.sums),
    };
  }

  private get samples(): number {
    return this.moments.count;
  }

  result(): LatentResult {
    const { samples, codes, sums } = this;
    const { tokens, bitsPerImage } = this.shape;
    const size = sums.quantized.length;
    const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / (samples * size);
    const latentMse: LatentError = { quantized: mean(sums.quantized), rectified: mean(sums.rectified) };
    const variance = this.moments.squares.reduce((sum, square) => sum + square / samples, 0) / size;
    return {
      images: samples,
      bitsPerImage,
      measuredBitsPerImage: codes.bitsPerImage,
      latentMse,
      explainedVariance: {
        quantized: 1 - latentMse.quantized / variance,
        rectified: 1 - latentMse.rectified / variance,
      },
      rateDistortionBound: this.bound(bitsPerImage),
      usage: codes.usage,
      perplexity: codes.perplexity,
      entropy: codes.bitsPerImage / tokens.tokens,
      samplesPerCode: (samples * tokens.tokens) / tokens.codes.reduce((sum, count) => sum + count, 0),
    };
  }

  details(): LatentDetails {
    const { latentShape, tokens, bitsPerImage: bits } = this.shape;
    const { channels, height, width } = latentShape;
    const over = (values: Float64Array, count: number, place: (dimension: number) => number): number[] => {
      const sums = new Array<number>(count).fill(0);
      values.forEach((value, dimension) => (sums[place(dimension)]! += value));
      return sums.map((sum) => sum / (this.samples * (values.length / count)));
    };
    const both = (count: number, place: (dimension: number) => number) => ({
      quantized: over(this.sums.quantized, count, place),
      rectified: over(this.sums.rectified, count, place),
    });
    const variances = this.variances();
    return {
      shape: latentShape,
      ...groupDetails(this.codes.counts, tokens),
      errorPerChannel: both(channels, (dimension) => dimension % channels),
      errorPerPosition: both(height * width, (dimension) => Math.floor(dimension / channels)),
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
