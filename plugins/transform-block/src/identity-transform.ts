/** The transform that leaves latents as they are. */
import type { Transform, TransformLayout } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";

export class IdentityTransform implements Transform {
  readonly variances = null;

  constructor(readonly layout: TransformLayout) {}

  async fit(): Promise<void> {}

  async host(): Promise<null> {
    return null;
  }

  forward(latents: Tensor4D): Tensor4D {
    return tf.clone(latents);
  }

  inverse(coefficients: Tensor4D): Tensor4D {
    return tf.clone(coefficients);
  }

  state(): Record<string, never> {
    return {};
  }

  restore(): void {}

  dispose(): void {}
}
