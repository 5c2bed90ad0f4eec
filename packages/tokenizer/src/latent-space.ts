/**
 * The space that a quantizer works in: latents as the backbone gives them -> standardized -> coefficients, and back.
 * The rectifier works on standardized latents, so both are given.
 */
import type { Disposable, LatentSource, Transform } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { centredSource, standardizedSource, type Standardizer } from "./standardizer.js";

/** A latent in both forms, `[n, h, w, c]`. The caller owns both; for the identity they may be one tensor. */
export interface TransformedLatents {
  readonly standardized: Tensor4D;
  readonly coefficients: Tensor4D;
}

export class LatentSpace implements Disposable {
  /** @param standardize false: the transform sees latents minus their mean; the rectifier sees them standardized all the same */
  constructor(
    readonly standardizer: Standardizer,
    readonly transform: Transform,
    readonly standardize: boolean,
  ) {}

  /** latents `[n, h, w, c]` as the backbone gives them. The transform runs on the host, so ids are the same on every engine. */
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

  /** Like `forward`, the coefficients alone and by tensor operations alone, so that it can be exported. */
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

  /** standardized latents `[n, h, w, c]` -> latents as the backbone takes them. */
  unstandardize(standardized: Tensor4D): Tensor4D {
    return this.standardizer.unstandardize(standardized);
  }

  /** The latents that the transform is fitted on: standardized, or centred. */
  innerSource(latents: LatentSource): LatentSource {
    const { statistics } = this.standardizer;
    return this.standardize ? standardizedSource(latents, statistics) : centredSource(latents, statistics);
  }

  /** Coefficients of latents as the backbone gives them, with their variances where these differ. Made as they are read. */
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

  /** Variance of every element of a centred latent, for a transform that leaves variances as they are. */
  private elementVariances(): Float64Array {
    return Float64Array.from(this.standardizer.statistics.std, (std) => std ** 2);
  }
}

/** Frees both tensors of `LatentSpace.forward`. */
export function disposeTransformed({ standardized, coefficients }: TransformedLatents): void {
  tf.dispose(coefficients === standardized ? standardized : [standardized, coefficients]);
}
