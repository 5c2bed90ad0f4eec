/** Sums up what both kinds of evaluation measure in the latent space: errors by place, variance, codes, and the bound. */
import { latentSize, symmetricEigen } from "@revq/core";
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

export class LatentScore {
  private samples = 0;
  private readonly codes: CodeCounter;
  /** Per dimension (h, w, c): squared errors, and the standardized latents' sums. */
  private readonly sums: Record<"quantized" | "rectified" | "values" | "squares", Float64Array>;
  private readonly spectrum: LatentSpectrum;
  private readonly covariance: CovarianceAccumulator | null;

  /** @param expected about how many latents will come */
  constructor(
    private readonly tokenizer: Tokenizer,
    expected: number,
  ) {
    const { latentShape } = tokenizer.parts;
    const size = latentSize(latentShape);
    const zeros = (): Float64Array => new Float64Array(size);
    this.codes = new CodeCounter(tokenizer.tokens);
    this.sums = { quantized: zeros(), rectified: zeros(), values: zeros(), squares: zeros() };
    this.spectrum = new LatentSpectrum(latentShape);
    const known = size <= covarianceDimensions && expected >= samplesPerDimension * size;
    this.covariance = known ? new CovarianceAccumulator(size) : null;
  }

  /** @param latents `[n, h, w, c]` in the backbone's scale. Returns the quantized latents in that scale and the codes; the caller owns both. */
  async add(latents: Tensor4D): Promise<{ codes: Tensor2D; quantized: Tensor4D }> {
    const { standardizer } = this.tokenizer.parts;
    const stations = await this.tokenizer.quantizeLatents(latents);
    const { standardized, codes, quantized, rectified } = stations;
    const data = async (tensor: tf.Tensor): Promise<Float32Array> => (await tensor.data()) as Float32Array;
    const [values, before, after] = [await data(standardized), await data(quantized), await data(rectified)];
    const { sums } = this;
    const size = sums.values.length;
    for (let i = 0, at = 0; i < values.length; i++) {
      const value = values[i]!;
      sums.values[at]! += value;
      sums.squares[at]! += value * value;
      sums.quantized[at]! += (before[i]! - value) ** 2;
      sums.rectified[at]! += (after[i]! - value) ** 2;
      if (++at === size) at = 0;
    }
    this.spectrum.add(values);
    this.covariance?.add(values);
    this.samples += latents.shape[0];
    this.codes.add((await codes.data()) as Int32Array);
    const unscaled = standardizer.restoreScale(quantized);
    tf.dispose([standardized, quantized, rectified]);
    return { codes, quantized: unscaled };
  }

  result(): LatentResult {
    const { samples, codes, sums } = this;
    const { tokens, bitsPerImage } = this.tokenizer;
    const size = sums.values.length;
    const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / (samples * size);
    const latentMse: LatentError = { quantized: mean(sums.quantized), rectified: mean(sums.rectified) };
    const variance =
      sums.squares.reduce((sum, square, i) => sum + square / samples - (sums.values[i]! / samples) ** 2, 0) / size;
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
    const { latentShape } = this.tokenizer.parts;
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
    const bits = this.tokenizer.bitsPerImage;
    const variances = this.variances();
    return {
      shape: latentShape,
      ...groupDetails(this.codes.counts, this.tokenizer.tokens),
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
