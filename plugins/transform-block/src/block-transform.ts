/** An orthonormal transform of blocks: the learned rotation on the engine, and its map on the host. */
import {
  requireTensor,
  type FitContext,
  type HostTransform,
  type LatentSource,
  type NamedTensors,
  type Transform,
} from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import { blockCosines } from "./dct.js";
import { forwardOnEngine, inverseOnEngine, type TransformMatrices } from "./engine.js";
import { fitTransform } from "./fit.js";
import type { TransformGeometry } from "./geometry.js";
import { createHostTransform } from "./host.js";

export class BlockTransform implements Transform {
  variances: Float64Array | null = null;
  private readonly rotation: Variable | undefined;
  private readonly cosines: Tensor2D | undefined;
  private known: { readonly of: object | undefined; readonly host: HostTransform } | undefined;

  /** The rotation starts as zeros: call `fit` or `restore`. */
  constructor(readonly layout: TransformGeometry) {
    const { kind, block, rotations } = layout;
    const { count, dim } = rotations;
    this.rotation = count > 0 ? tf.tidy(() => tf.variable(tf.zeros([count, dim, dim]), false)) : undefined;
    const positions = block[0] * block[1];
    this.cosines =
      kind === "pca"
        ? undefined
        : tf.keep(tf.tensor2d(Float32Array.from(blockCosines(...block)), [positions, positions]));
  }

  async fit(latents: LatentSource, context: FitContext): Promise<void> {
    const { rotation, variances } = await fitTransform(latents, this.layout, context);
    this.variances = variances;
    const variable = this.rotation;
    if (variable) tf.tidy(() => variable.assign(tf.tensor(rotation, variable.shape)));
  }

  async host(): Promise<HostTransform> {
    // Every change of a variable gives it new data.
    const of = this.rotation?.dataId;
    if (!this.known || this.known.of !== of) {
      const rotation = this.rotation ? ((await this.rotation.data()) as Float32Array) : null;
      this.known = { of, host: createHostTransform(this.layout, rotation) };
    }
    return this.known.host;
  }

  forward(latents: Tensor4D): Tensor4D {
    if (latents.shape[0] === 0) return tf.clone(latents); // no engine transposes an empty batch
    return forwardOnEngine(this.layout, latents, this.matrices());
  }

  inverse(coefficients: Tensor4D): Tensor4D {
    if (coefficients.shape[0] === 0) return tf.clone(coefficients);
    return inverseOnEngine(this.layout, coefficients, this.matrices());
  }

  /** `rotation`, `[count, dim, dim]` float32: rows are unit axes, largest variance first. Nothing for `dct`. */
  state(): NamedTensors {
    return this.rotation ? { rotation: this.rotation } : {};
  }

  restore(state: NamedTensors): void {
    const variable = this.rotation;
    if (!variable) return;
    const rotation = requireTensor(state, "rotation", variable.shape);
    tf.tidy(() => variable.assign(tf.clone(rotation)));
  }

  dispose(): void {
    tf.dispose([this.rotation, this.cosines].filter((tensor) => tensor !== undefined));
  }

  private matrices(): TransformMatrices {
    return { rotation: this.rotation, cosines: this.cosines };
  }
}
