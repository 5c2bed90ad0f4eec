/**
 * Standard deviations of the coefficients of a transform. Quantizers with one spacing for all elements divide by them.
 * Without variances nothing is scaled.
 */
import {
  latentSize,
  requireTensor,
  type Disposable,
  type LatentShape,
  type NamedTensors,
  type TransformLayout,
} from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";

export class CoefficientScale implements Disposable {
  /** `[rows, columns, c]` of a block; null where all elements vary alike. */
  private deviations: Tensor3D | null = null;

  constructor(
    private readonly shape: LatentShape,
    private readonly transform: TransformLayout,
  ) {}

  /** @param variances of the coefficients of a block; absent: all alike */
  fit(variances: Float64Array | undefined): void {
    const deviations = variances && Float32Array.from(variances, (variance) => Math.sqrt(variance) || 1);
    this.set(deviations ? tf.tensor3d(deviations, this.blockShape()) : null);
  }

  /** Divides coefficients `[n, h, w, c]` flat, in place, on the host; rounded to float32. */
  async divideOnHost(values: Float32Array): Promise<void> {
    const scale = await this.elements();
    if (!scale) return;
    const size = scale.length;
    for (let i = 0; i < values.length; i++) values[i] = values[i]! / scale[i % size]!;
  }

  /** coefficients `[n, h, w, c]` / deviations, by tensor operations. Within `tf.tidy`. */
  divide(coefficients: Tensor4D): Tensor4D {
    return this.deviations ? tf.div(coefficients, this.tiled(this.deviations)) : coefficients;
  }

  /** The inverse of `divide`; differentiable. Within `tf.tidy`. */
  multiply(scaled: Tensor4D): Tensor4D {
    return this.deviations ? tf.mul(scaled, this.tiled(this.deviations)) : scaled;
  }

  /** Deviation of every element `[h, w, c]`, flat; null where all elements vary alike. */
  async elements(): Promise<Float32Array | null> {
    if (!this.deviations) return null;
    const tiled = this.tiled(this.deviations);
    const values = (await tiled.data()) as Float32Array;
    tiled.dispose();
    return values;
  }

  /** `scale`, `[rows, columns, c]` float32, where the coefficients have unequal variances. Borrowed. */
  state(): NamedTensors {
    return this.deviations ? { scale: this.deviations } : {};
  }

  restore(state: NamedTensors): void {
    this.set(state["scale"] ? (tf.clone(requireTensor(state, "scale", this.blockShape())) as Tensor3D) : null);
  }

  dispose(): void {
    this.set(null);
  }

  private blockShape(): [number, number, number] {
    const { block, blocks } = this.transform;
    return [...block, latentSize(this.shape) / (blocks * block[0] * block[1])];
  }

  private set(deviations: Tensor3D | null): void {
    this.deviations?.dispose();
    this.deviations = deviations && tf.keep(deviations);
  }

  private tiled(deviations: Tensor3D): Tensor3D {
    const [rows, columns] = this.transform.block;
    return tf.tile(deviations, [this.shape.height / rows, this.shape.width / columns, 1]);
  }
}
