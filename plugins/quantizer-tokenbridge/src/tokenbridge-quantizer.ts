/**
 * Quantizes every element of the latent by itself, without training (Wang et al., "Bridging continuous and discrete
 * tokens for autoregressive visual generation", arXiv 2503.16430). VAE latents are close to normal. The normal
 * distribution is cut into K bins of equal probability, and the code of a bin is its mean. Coefficients of unequal
 * variances are divided by their standard deviations first.
 */
import {
  latentSize,
  requireTensor,
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
import { sampleLatents } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";
import { binOf, normalBins, roundedUp, type NormalBins } from "./normal-bins.js";

/** Elements of training latents that the error is measured on. */
const maxElements = 2 ** 22;

export class TokenbridgeQuantizer implements Quantizer {
  readonly layout: TokenLayout;
  readonly graph: QuantizerGraph = { quantize: (coefficients) => this.quantizeByTensors(coefficients) };
  private readonly bins: NormalBins;
  /** Standard deviations of the coefficients of a block, `[rows, columns, c]`; null where all elements vary alike. */
  private scale: Tensor3D | null = null;

  constructor(
    private readonly shape: LatentShape,
    private readonly transform: TransformLayout,
    codes: number,
  ) {
    this.layout = sharedTokenLayout(latentSize(shape), codes);
    this.bins = normalBins(codes);
  }

  /** Learns the scale of coefficients, else nothing. Measures the error. */
  async fit(latents: LatentSource, { random }: FitContext): Promise<FitReport> {
    const { variances } = latents;
    const deviations = variances && Float32Array.from(variances, (variance) => Math.sqrt(variance) || 1);
    this.setScale(deviations ? tf.tensor3d(deviations, this.blockShape()) : null);
    const { edges, centres } = this.bins;
    const values = await sampleLatents(latents, maxElements / this.layout.count, random);
    const scale = await this.scaleOfElements();
    const used = new Set<number>();
    let squares = 0;
    values.forEach((value, i) => {
      const deviation = scale[i % scale.length]!;
      const bin = binOf(Math.fround(value / deviation), edges);
      used.add(bin);
      squares += (value - centres[bin]! * deviation) ** 2;
    });
    return { passes: [{ mse: squares / values.length, usage: used.size / centres.length }] };
  }

  async quantize(coefficients: Tensor4D): Promise<Tensor2D> {
    const values = await coefficients.data();
    const scale = await this.scaleOfElements();
    const { edges } = this.bins;
    const ids = Int32Array.from(values, (value, i) => binOf(Math.fround(value / scale[i % scale.length]!), edges));
    return tf.tensor2d(ids, [coefficients.shape[0], this.layout.count], "int32");
  }

  dequantize(ids: Tensor2D): Tensor4D {
    const { height, width, channels } = this.shape;
    const n = ids.shape[0];
    if (n === 0) return tf.zeros([0, height, width, channels]);
    return tf.tidy(() => {
      const chosen = tf.gather(tf.tensor1d(this.bins.centres), tf.reshape(ids, [n * this.layout.count]));
      const values = tf.reshape(chosen, [n, height, width, channels]) as Tensor4D;
      return this.scale ? tf.mul(values, this.tiledScale(this.scale)) : values;
    });
  }

  /** `scale`, `[rows, columns, c]` float32, where the coefficients have unequal variances. Bins follow from K. */
  state(): NamedTensors {
    return this.scale ? { scale: this.scale } : {};
  }

  restore(state: NamedTensors): void {
    this.setScale(state["scale"] ? (tf.clone(requireTensor(state, "scale", this.blockShape())) as Tensor3D) : null);
  }

  dispose(): void {
    this.setScale(null);
  }

  private blockShape(): [number, number, number] {
    return [...this.transform.block, this.shape.channels];
  }

  private setScale(scale: Tensor3D | null): void {
    this.scale?.dispose();
    this.scale = scale && tf.keep(scale);
  }

  /** `[h, w, c]` flat; ones where all elements vary alike. */
  private async scaleOfElements(): Promise<Float32Array> {
    if (!this.scale) return new Float32Array(this.layout.count).fill(1);
    const tiled = this.tiledScale(this.scale);
    const values = (await tiled.data()) as Float32Array;
    tiled.dispose();
    return values;
  }

  private tiledScale(scale: Tensor3D): Tensor3D {
    const [rows, columns] = this.transform.block;
    return tf.tile(scale, [this.shape.height / rows, this.shape.width / columns, 1]);
  }

  private quantizeByTensors(coefficients: Tensor4D): Tensor2D {
    const n = coefficients.shape[0];
    const { count } = this.layout;
    const { edges } = this.bins;
    return tf.tidy(() => {
      const scaled = this.scale ? tf.div(coefficients, this.tiledScale(this.scale)) : coefficients;
      const thresholds = tf.tensor2d(Float32Array.from(edges, roundedUp), [1, edges.length]);
      const above = tf.greaterEqual(tf.reshape(scaled, [n * count, 1]), thresholds);
      return tf.cast(tf.reshape(tf.sum(tf.cast(above, "int32"), 1), [n, count]), "int32");
    });
  }
}
