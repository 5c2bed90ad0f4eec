/**
 * Codes chosen for the outcome. The nearest codes give the least error before the rectifier, not after it. So
 * a sweep quantizes the latent less what the rectifier added to the codes of the sweep before, half way from what that
 * sweep quantized: whole steps would go back and forth.
 */
import type { Quantizer, Rectifier } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { disposeTransformed, type LatentSpace } from "./latent-space.js";

export interface EffortOptions {
  /**
   * Sweeps after the first search, 0 or more. Each costs a search and a pass of the rectifier. Default: 0, the nearest
   * codes.
   */
  readonly effort?: number | undefined;
}

interface Parts {
  readonly space: LatentSpace;
  readonly quantizer: Quantizer;
  readonly rectifier: Rectifier;
}

/** latents `[n, h, w, c]` of the backbone -> ids `[n, t]` of the nearest codes. */
export async function encodeNearest({ space, quantizer }: Parts, latents: Tensor4D): Promise<Tensor2D> {
  const transformed = await space.forward(latents);
  try {
    return await quantizer.quantize(transformed.coefficients);
  } finally {
    disposeTransformed(transformed);
  }
}

/**
 * latents `[n, h, w, c]` of the backbone -> ids `[n, t]`. Every latent keeps the ids of its best sweep: those with the
 * least squared error of the standardized latent after the rectifier. So the error never rises.
 */
export async function encodeForOutcome(parts: Parts, latents: Tensor4D, sweeps: number): Promise<Tensor2D> {
  const standardized = parts.space.standardizer.standardize(latents);
  let ids = await encodeNearest(parts, latents);
  let { errors: least, target } = outcomeOf(parts, standardized, ids, latents);
  try {
    for (let sweep = 0; sweep < sweeps; sweep++) {
      const found = await encodeNearest(parts, target);
      const { errors, target: next } = outcomeOf(parts, standardized, found, target);
      const [keptIds, keptErrors] = tf.tidy(() => {
        const isBetter = tf.less(errors, least);
        return [tf.where(tf.expandDims(isBetter, 1), found, ids), tf.minimum(errors, least)] as const;
      });
      tf.dispose([ids, least, target, found, errors]);
      [ids, least, target] = [keptIds, keptErrors as Tensor1D, next];
    }
    return ids;
  } finally {
    tf.dispose([standardized, least, target]);
  }
}

/**
 * @param quantizedLatents what gave the ids, latents of the backbone
 * @returns the squared error of each latent after the rectifier, `[n]`, and what the next sweep quantizes
 */
function outcomeOf(
  { space, quantizer, rectifier }: Parts,
  standardized: Tensor4D,
  ids: Tensor2D,
  quantizedLatents: Tensor4D,
): { errors: Tensor1D; target: Tensor4D } {
  return tf.tidy(() => {
    const quantized = space.inverse(quantizer.dequantize(ids));
    const rectified = rectifier.rectify(quantized);
    const added = tf.sub<Tensor4D>(rectified, quantized);
    const aim = space.unstandardize(tf.sub<Tensor4D>(standardized, added));
    return {
      errors: tf.sum<Tensor1D>(tf.squaredDifference(standardized, rectified), [1, 2, 3]),
      target: tf.mul<Tensor4D>(0.5, tf.add(quantizedLatents, aim)),
    };
  });
}
