/**
 * Quantizes every element of the latent by itself, without training (Wang et al., "Bridging
 * continuous and discrete tokens for autoregressive visual generation", arXiv 2503.16430). VAE
 * latents are close to normal. The normal distribution is cut into K bins of equal probability, and
 * the code of a bin is its mean. Coefficients of unequal variances are divided by their standard
 * deviations first.
 */
import {
  latentSize,
  sharedTokenLayout,
  type FitContext,
  type FitReport,
  type LatentShape,
  type LatentSource,
  type NamedTensors,
  type Quantizer,
  type QuantizerGraph,
  type TokenLayout,
  type TransformLayout,
} from "@revq/core";
import { CoefficientScale, sampleLatents } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { binOf, normalBins, roundedUp, type NormalBins } from "./normal-bins.js";

/** Elements of training latents that the error is measured on. */
const maxElements = 2 ** 22;

export class TokenbridgeQuantizer implements Quantizer {
  readonly layout: TokenLayout;
  readonly graph: QuantizerGraph = { quantize: (coefficients) => this.quantizeByTensors(coefficients) };
  private readonly bins: NormalBins;
  private readonly scale: CoefficientScale;

  constructor(
    private readonly shape: LatentShape,
    transform: TransformLayout,
    codes: number,
  ) {
    this.layout = sharedTokenLayout(latentSize(shape), codes, "spatial");
    this.bins = normalBins(codes);
    this.scale = new CoefficientScale(shape, transform);
  }

  /** Learns the scale of coefficients, else nothing. Measures the error. */
  async fit(latents: LatentSource, { random }: FitContext): Promise<FitReport> {
    this.scale.fit(latents.variances);
    const values = await sampleLatents(latents, maxElements / this.layout.count, random);
    const deviations = await this.scale.elements();
    const { centres } = this.bins;
    const ids = await this.idsOf(values);
    const used = new Set(ids);
    let squares = 0;
    values.forEach((value, i) => {
      const deviation = deviations ? deviations[i % deviations.length]! : 1;
      squares += (value - centres[ids[i]!]! * deviation) ** 2;
    });
    return { passes: [{ mse: squares / values.length, usage: used.size / centres.length }] };
  }

  async quantize(coefficients: Tensor4D): Promise<Tensor2D> {
    const ids = await this.idsOf((await coefficients.data()) as Float32Array);
    return tf.tensor2d(ids, [coefficients.shape[0], this.layout.count], "int32");
  }

  dequantize(ids: Tensor2D): Tensor4D {
    const { height, width, channels } = this.shape;
    const n = ids.shape[0];
    if (n === 0) return tf.zeros([0, height, width, channels]);
    return tf.tidy(() => {
      const chosen = tf.gather(tf.tensor1d(this.bins.centres), tf.reshape(ids, [n * this.layout.count]));
      return this.scale.multiply(tf.reshape(chosen, [n, height, width, channels]) as Tensor4D);
    });
  }

  /**
   * `scale`, `[rows, columns, c]` float32, where the coefficients have unequal variances. Bins
   * follow from K.
   */
  state(): NamedTensors {
    return this.scale.state();
  }

  restore(state: NamedTensors): void {
    this.scale.restore(state);
  }

  dispose(): void {
    this.scale.dispose();
  }

  /** coefficients `[n, h, w, c]` flat -> ids, one per element. */
  private async idsOf(coefficients: Float32Array): Promise<Int32Array> {
    const scaled = Float32Array.from(coefficients);
    await this.scale.divideOnHost(scaled);
    return Int32Array.from(scaled, (value) => binOf(value, this.bins.edges));
  }

  private quantizeByTensors(coefficients: Tensor4D): Tensor2D {
    const n = coefficients.shape[0];
    const { count } = this.layout;
    const { edges } = this.bins;
    return tf.tidy(() => {
      const scaled = this.scale.divide(coefficients);
      const thresholds = tf.tensor2d(Float32Array.from(edges, roundedUp), [1, edges.length]);
      const above = tf.greaterEqual(tf.reshape(scaled, [n * count, 1]), thresholds);
      return tf.cast(tf.reshape(tf.sum(tf.cast(above, "int32"), 1), [n, count]), "int32");
    });
  }
}
