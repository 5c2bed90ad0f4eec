/**
 * Four neighbours in a channel become the nearest point of the lattice D4, times a spacing that is
 * learned.
 */
import { latentSize, requireTensor, sharedTokenLayout, tokenOrder, type LatentShape, type Quantizer } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { dimension, idOf, nearestPoint, pointCount, pointOf } from "./d4.js";

const [maxElements, candidates] = [2 ** 16, 32];

export function createQuantizer(levels: number, shape: LatentShape): Quantizer {
  const { channels, height, width } = shape;
  const size = latentSize(shape);
  const tokens = size / dimension;
  /** Where every element of `[tokens, 4]` lies in `[h, w, c]`, and the inverse. */
  const order = tokenOrder(shape, tokens, "channel");
  const inverse = order.slice();
  order.forEach((to, from) => (inverse[to] = from));
  const codes = pointCount(levels);
  const middle = (levels - 1) / 2;
  const points = Array.from({ length: codes }, (_, id) => pointOf(id, levels).map((value) => value - middle));
  const codebook = tf.tensor2d(points);
  const step = tf.tidy(() => tf.variable(tf.scalar(1)));

  /** latents `[n, h, w, c]`, flat -> ids `[n * tokens]`, and the mean squared error per element. */
  function search(values: ArrayLike<number>, spacing: number): { ids: Int32Array; mse: number } {
    const ids = new Int32Array(values.length / dimension);
    let squares = 0;
    for (let token = 0; token < ids.length; token++) {
      const [latent, first] = [Math.floor(token / tokens) * size, (token % tokens) * dimension];
      const x = Array.from({ length: dimension }, (_, i) => values[latent + order[first + i]!]! / spacing + middle);
      const point = nearestPoint(x, levels);
      ids[token] = idOf(point, levels);
      point.forEach((value, i) => (squares += ((x[i]! - value) * spacing) ** 2));
    }
    return { ids, mse: squares / values.length };
  }

  return {
    layout: sharedTokenLayout(tokens, codes, "channel"),

    /**
     * Tries spacings by which the box reaches from 1/4 of a standard deviation to 8 on each side.
     */
    async fit(latents, { random }) {
      const samples = Math.min(latents.count, Math.max(1, Math.floor(maxElements / size)));
      const values = await latents.read(random.sample(latents.count, samples));
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
      if (n === 0) return tf.zeros([0, height, width, channels]); // no engine takes an empty batch
      return tf.tidy(() => {
        const chosen = tf.gather(tf.mul(codebook, step) as Tensor2D, tf.reshape(ids, [n * tokens]));
        const elements = tf.gather(tf.reshape(chosen, [n, size]), inverse, 1);
        return tf.reshape(elements, [n, height, width, channels]) as Tensor4D;
      });
    },

    // What a tokenizer's file must hold; `restore` copies it.
    state: () => ({ step }),
    restore: (state) => tf.tidy(() => step.assign(tf.clone(requireTensor(state, "step", [])) as typeof step)),
    dispose: () => tf.dispose([codebook, step]),
  };
}
