/**
 * Four neighbouring elements of a latent become the nearest point of the lattice D4, times a
 * spacing that is learned.
 */
import { latentSize, requireTensor, sharedTokenLayout, type LatentShape, type Quantizer } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { dimension, idOf, nearestPoint, pointCount, pointOf } from "./d4.js";

const [maxSamples, maxValues, candidates] = [64, 2 ** 14, 32];

export function createQuantizer(levels: number, shape: LatentShape): Quantizer {
  const tokens = latentSize(shape) / dimension;
  const codes = pointCount(levels);
  const middle = (levels - 1) / 2;
  const points = Array.from({ length: codes }, (_, id) => pointOf(id, levels).map((value) => value - middle));
  const codebook = tf.tensor2d(points);
  const step = tf.tidy(() => tf.variable(tf.scalar(1)));

  /** Elements `[count, 4]`, flat -> ids `[count]`, and the mean squared error per element. */
  function search(values: ArrayLike<number>, spacing: number): { ids: Int32Array; mse: number } {
    const ids = new Int32Array(values.length / dimension);
    let squares = 0;
    for (let token = 0; token < ids.length; token++) {
      const x = Array.from({ length: dimension }, (_, i) => values[token * dimension + i]! / spacing + middle);
      const point = nearestPoint(x, levels);
      ids[token] = idOf(point, levels);
      point.forEach((value, i) => (squares += ((x[i]! - value) * spacing) ** 2));
    }
    return { ids, mse: squares / values.length };
  }

  return {
    layout: sharedTokenLayout(tokens, codes),

    /**
     * Tries spacings by which the box reaches from 1/4 of a standard deviation to 8 on each side.
     */
    async fit(latents, { random }) {
      const sample = await latents.read(random.sample(latents.count, Math.min(latents.count, maxSamples)));
      const values = sample.subarray(0, maxValues);
      const deviation = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length) || 1;
      let best = { spacing: 1, mse: Infinity, usage: 0 };
      for (let i = 1; i <= candidates; i++) {
        const spacing = (i / candidates) * ((16 * deviation) / levels);
        const { ids, mse } = search(values, spacing);
        if (mse < best.mse) best = { spacing, mse, usage: new Set(ids).size / codes };
      }
      tf.tidy(() => step.assign(tf.scalar(best.spacing)));
      return { passes: [best] };
    },

    async quantize(latents) {
      const [spacing] = await step.data();
      const { ids } = search(await latents.data(), spacing!);
      return tf.tensor2d(ids, [latents.shape[0], tokens], "int32");
    },

    dequantize(ids) {
      const n = ids.shape[0];
      if (n === 0) return tf.zeros([0, shape.height, shape.width, shape.channels]); // no engine takes an empty batch
      return tf.tidy(() => {
        const chosen = tf.gather(tf.mul(codebook, step) as Tensor2D, tf.reshape(ids, [n * tokens]));
        return tf.reshape(chosen, [n, shape.height, shape.width, shape.channels]) as Tensor4D;
      });
    },

    // What a tokenizer's file must hold; `restore` copies it.
    state: () => ({ step }),
    restore: (state) => tf.tidy(() => step.assign(tf.clone(requireTensor(state, "step", [])) as typeof step)),
    dispose: () => tf.dispose([codebook, step]),
  };
}
