/**
 * Latents of the backbone -> latents in the metric -> coefficients -> standardized latents ->
 * latents. The quantizer works on coefficients, the rectifier on standardized latents.
 */
import type { Disposable, LatentSource, Transform } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { symmetricPower } from "@revq/numerics";
import { mapChannels, mappedSource, type Metric } from "./metric.js";
import { centredSource, standardizedSource, type Standardizer } from "./standardizer.js";

/**
 * Latents in both forms, `[n, h, w, c]`. The caller owns both; identity transforms give one tensor
 * twice.
 */
export interface TransformedLatents {
  readonly standardized: Tensor4D;
  readonly coefficients: Tensor4D;
}

/**
 * Standardizer, metric and transform together.
 *
 * @example
 * import { none } from "@revq/transform-block";
 * import "@tensorflow/tfjs-backend-cpu";
 * import * as tf from "@tensorflow/tfjs-core";
 * const latentShape = { channels: 2, height: 1, width: 1 };
 * const statistics = { mean: Float32Array.of(1, 2), std: Float32Array.of(2, 4) };
 * const standardizer = Standardizer.fromStatistics(latentShape, statistics);
 * const transform = await none.create({}, { latentShape, tokens: 1 });
 * const space = new LatentSpace(standardizer, transform, { id: "standardized" });
 * const { coefficients } = await space.forward(tf.tensor4d([3, 6], [1, 1, 1, 2]));
 * await coefficients.data(); // => [1, 1]
 * await space.unstandardize(space.inverse(coefficients)).data(); // => [3, 6]
 */
export class LatentSpace implements Disposable {
  /** The decoder's metric and its inverse, `[c, c]`; null for other metrics. */
  private readonly matrices: { readonly forward: Tensor2D; readonly inverse: Tensor2D } | null;

  /**
   * @param metric of what the transform sees. The rectifier sees standardized latents whatever the
   *   metric is.
   */
  constructor(
    readonly standardizer: Standardizer,
    readonly transform: Transform,
    readonly metric: Metric,
  ) {
    this.matrices = metric.id === "decoder" ? channelMatrices(metric.matrix) : null;
  }

  /**
   * latents `[n, h, w, c]` of the backbone -> both forms. Metric and transform run on the host, so
   * ids are the same on every engine.
   */
  async forward(latents: Tensor4D): Promise<TransformedLatents> {
    const standardized = this.standardizer.standardize(latents);
    const { metric } = this;
    const inner = metric.id === "standardized" ? standardized : this.standardizer.centre(latents);
    const host = await this.transform.host();
    if (!host && metric.id !== "decoder") return { standardized, coefficients: inner };
    const values = Float32Array.from(await inner.data());
    if (inner !== standardized) inner.dispose();
    if (metric.id === "decoder") mapChannels(values, metric.matrix);
    host?.forward(values);
    return { standardized, coefficients: tf.tensor4d(values, latents.shape) };
  }

  /** latents -> coefficients by tensor operations alone, for export. */
  graph(latents: Tensor4D): Tensor4D {
    return tf.tidy(() => {
      const { standardizer, metric, matrices } = this;
      if (metric.id === "standardized") return this.transform.forward(standardizer.standardize(latents));
      const centred = standardizer.centre(latents);
      return this.transform.forward(matrices ? multiplyChannels(centred, matrices.forward) : centred);
    });
  }

  /** coefficients `[n, h, w, c]` -> standardized latents; differentiable. */
  inverse(coefficients: Tensor4D): Tensor4D {
    return tf.tidy(() => {
      const inner = this.transform.inverse(coefficients);
      if (this.metric.id === "standardized") return inner;
      return this.standardizer.scale(this.matrices ? multiplyChannels(inner, this.matrices.inverse) : inner);
    });
  }

  /**
   * standardized latents `[n, h, w, c]` -> latents in the metric, before the transform;
   * differentiable.
   */
  inMetric(standardized: Tensor4D): Tensor4D {
    return tf.tidy(() => {
      if (this.metric.id === "standardized") return tf.clone(standardized);
      const centred = this.standardizer.unscale(standardized);
      return this.matrices ? multiplyChannels(centred, this.matrices.forward) : centred;
    });
  }

  /** standardized latents `[n, h, w, c]` -> latents of the backbone. */
  unstandardize(standardized: Tensor4D): Tensor4D {
    return this.standardizer.unstandardize(standardized);
  }

  /** The latents in the metric, which the transform is fitted on. */
  innerSource(latents: LatentSource): LatentSource {
    const { statistics } = this.standardizer;
    if (this.metric.id === "standardized") return standardizedSource(latents, statistics);
    const centred = centredSource(latents, statistics);
    return this.metric.id === "decoder" ? mappedSource(centred, this.metric.matrix) : centred;
  }

  /**
   * Coefficients of a source of latents, computed as they are read. `variances` is set where the
   * coefficients vary unequally.
   */
  async source(latents: LatentSource): Promise<LatentSource> {
    const inner = this.innerSource(latents);
    const host = await this.transform.host();
    const variances = this.transform.variances ?? this.innerVariances();
    return {
      shape: inner.shape,
      count: inner.count,
      async read(indices) {
        const values = await inner.read(indices);
        host?.forward(values);
        return values;
      },
      ...(variances ? { variances } : {}),
    };
  }

  dispose(): void {
    tf.dispose({ ...this.matrices });
    this.standardizer.dispose();
    this.transform.dispose();
  }

  /** `[h, w, c]` flat, of the training latents; null where all are alike or not known. */
  private innerVariances(): Float64Array | null {
    if (this.metric.id === "decoder") return this.metric.variances ?? null;
    if (this.metric.id === "standardized") return null;
    return Float64Array.from(this.standardizer.statistics.std, (std) => std ** 2);
  }
}

function channelMatrices(matrix: Float32Array): { forward: Tensor2D; inverse: Tensor2D } {
  const channels = Math.sqrt(matrix.length);
  const inverse = Float32Array.from(symmetricPower(matrix, channels, -1));
  return { forward: tf.tensor2d(matrix, [channels, channels]), inverse: tf.tensor2d(inverse, [channels, channels]) };
}

/** x `[n, h, w, c]`, the channels of every position times a symmetric matrix; differentiable. */
function multiplyChannels(x: Tensor4D, matrix: Tensor2D): Tensor4D {
  const [n, h, w, channels] = x.shape;
  if (n === 0) return tf.clone(x); // no engine multiplies an empty batch
  return tf.reshape(tf.matMul(tf.reshape(x, [n * h * w, channels]), matrix), x.shape);
}

/** Frees both tensors of `LatentSpace.forward`. */
export function disposeTransformed({ standardized, coefficients }: TransformedLatents): void {
  tf.dispose(coefficients === standardized ? standardized : [standardized, coefficients]);
}
