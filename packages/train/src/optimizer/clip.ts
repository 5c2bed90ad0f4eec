/**
 * Gradient clipping by the norm of all gradients together, as `torch.nn.utils.clip_grad_norm_` does
 * it.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { NamedTensorMap, Scalar, Tensor } from "@tensorflow/tfjs-core";

/**
 * PyTorch's guard against division by zero. It makes the clipped norm slightly smaller than the
 * limit.
 */
export const normGuard = 1e-6;

export interface ClippedGradients {
  /** Euclidean norm of all gradients before clipping. */
  readonly norm: Scalar;
  readonly gradients: NamedTensorMap;
}

export interface ClipScale {
  readonly norm: Scalar;
  /** The factor of every gradient. */
  readonly scale: Scalar;
}

/**
 * min(1, maxNorm / (norm + 1e-6)) for the gradients of one parameter group. Nothing is downloaded:
 * both stay on the engine.
 * @param gradients by name; not empty; not disposed here
 * @returns new tensors, the caller's
 */
export function clipScale(gradients: Readonly<Record<string, Tensor>>, maxNorm: number): ClipScale {
  return tf.tidy(() => {
    const squares = Object.values(gradients).map((gradient) => tf.sum(tf.square(gradient)));
    // Stacked, not added: WebGPU binds a buffer an operand and allows few.
    const norm = tf.sqrt(tf.sum(tf.stack(squares))) as Scalar;
    const scale = tf.minimum(tf.div(tf.scalar(maxNorm), tf.add(norm, tf.scalar(normGuard))), tf.scalar(1));
    return { norm, scale } as unknown as tf.TensorContainerObject;
  }) as unknown as ClipScale;
}

/** Like `clipScale`, and returns the scaled gradients. */
export function clipByGlobalNorm(gradients: Readonly<Record<string, Tensor>>, maxNorm: number): ClippedGradients {
  return tf.tidy(() => {
    const { norm, scale } = clipScale(gradients, maxNorm);
    const clipped: NamedTensorMap = {};
    for (const [name, gradient] of Object.entries(gradients)) clipped[name] = tf.mul(gradient, scale);
    return { norm, gradients: clipped } as unknown as tf.TensorContainerObject;
  }) as unknown as ClippedGradients;
}
