/**
 * Latents of the backbone -> standardized latents -> coefficients, and back. The quantizer works on
 * coefficients, the rectifier on standardized latents.
 */
import type { Disposable, LatentSource, Transform } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
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
 * Standardizer and transform together.
 *
 * @example
 * import { none } from "@revq/transform-block";
 * import "@tensorflow/tfjs-backend-cpu";
 * import * as tf from "@tensorflow/tfjs-core";
 * const latentShape = { channels: 2, height: 1, width: 1 };
 * const statistics = { mean: Float32Array.of(1, 2), std: Float32Array.of(2, 4) };
 * const standardizer = Standardizer.fromStatistics(latentShape, statistics);
 * const transform = await none.create({}, { latentShape, tokens: 1 });
 * const space = new LatentSpace(standardizer, transform, true);
 * const { coefficients } = await space.forward(tf.tensor4d([3, 6], [1, 1, 1, 2]));
 * await coefficients.data(); // => [1, 1]
 * await space.unstandardize(space.inverse(coefficients)).data(); // => [3, 6]
 */
export class LatentSpace implements Disposable {
  /**
   * @param standardize false: the transform sees latents minus their mean. The rectifier sees
   *   standardized latents in both cases.
   */
  constructor(
    readonly standardizer: Standardizer,
    readonly transform: Transform,
    readonly standardize: boolean,
  ) {}

  /**
   * latents `[n, h, w, c]` of the backbone -> both forms. The transform runs on the host, so ids
   * are the same on every engine.
   */
  async forward(latents: Tensor4D): Promise<TransformedLatents> {
    const standardized = this.standardizer.standardize(latents);
    const inner = this.standardize ? standardized : this.standardizer.centre(latents);
    const host = await this.transform.host();
    if (!host) return { standardized, coefficients: inner };
    const values = Float32Array.from(await inner.data());
    host.forward(values);
    if (inner !== standardized) inner.dispose();
    return { standardized, coefficients: tf.tensor4d(values, latents.shape) };
  }

  /** latents -> coefficients by tensor operations alone, for export. */
  graph(latents: Tensor4D): Tensor4D {
    return tf.tidy(() =>
      this.transform.forward(
        this.standardize ? this.standardizer.standardize(latents) : this.standardizer.centre(latents),
      ),
    );
  }

  /** coefficients `[n, h, w, c]` -> standardized latents; differentiable. */
  inverse(coefficients: Tensor4D): Tensor4D {
    return tf.tidy(() => {
      const inner = this.transform.inverse(coefficients);
      return this.standardize ? inner : this.standardizer.scale(inner);
    });
  }

  /** standardized latents `[n, h, w, c]` -> latents of the backbone. */
  unstandardize(standardized: Tensor4D): Tensor4D {
    return this.standardizer.unstandardize(standardized);
  }

  /** The latents that the transform is fitted on: standardized, or centred. */
  innerSource(latents: LatentSource): LatentSource {
    const { statistics } = this.standardizer;
    return this.standardize ? standardizedSource(latents, statistics) : centredSource(latents, statistics);
  }

  /**
   * Coefficients of a source of latents, computed as they are read. `variances` is set where the
   * coefficients vary unequally.
   */
  async source(latents: LatentSource): Promise<LatentSource> {
    const inner = this.innerSource(latents);
    const host = await this.transform.host();
    const variances = this.transform.variances ?? (this.standardize ? null : this.elementVariances());
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
    this.standardizer.dispose();
    this.transform.dispose();
  }

  /** Variances of the elements of centred latents. An identity transform keeps them. */
  private elementVariances(): Float64Array {
    return Float64Array.from(this.standardizer.statistics.std, (std) => std ** 2);
  }
}

/** Frees both tensors of `LatentSpace.forward`. */
export function disposeTransformed({ standardized, coefficients }: TransformedLatents): void {
  tf.dispose(coefficients === standardized ? standardized : [standardized, coefficients]);
}
