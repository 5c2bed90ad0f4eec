/** A frozen network over a batch of any size in bounded memory. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";

let isWhole = false;

/** Networks take whole batches while `run` runs. A traced graph then has no operators that depend on the batch. */
export async function withWholeBatches<T>(run: () => Promise<T>): Promise<T> {
  isWhole = true;
  try {
    return await run();
  } finally {
    isWhole = false;
  }
}

/**
 * Some images at a time; lets timers and signals through between them. An empty batch, which no engine's kernels take, gives an empty result.
 * @param output height, width and channels of one result
 * @param atOnce images that run through the network at once, at least 1
 * @param run called within `tf.tidy`
 */
export async function runInChunks(
  batch: Tensor4D,
  output: readonly [height: number, width: number, channels: number],
  atOnce: number,
  run: (x: Tensor4D) => Tensor4D,
): Promise<Tensor4D> {
  const [n, height, width, channels] = batch.shape;
  if (n === 0) return tf.zeros([0, ...output]);
  if (isWhole) return tf.tidy(() => run(batch));
  const parts: Tensor4D[] = [];
  try {
    for (let start = 0; start < n; start += atOnce) {
      if (start > 0) await new Promise((resolve) => setTimeout(resolve));
      const count = Math.min(atOnce, n - start);
      parts.push(tf.tidy(() => run(tf.slice(batch, [start, 0, 0, 0], [count, height, width, channels]))));
    }
    return tf.concat(parts, 0);
  } finally {
    tf.dispose(parts);
  }
}

/** Applies layers one after the other; what a layer needed is freed before the next one runs. Inside `tf.tidy` only. */
export function runLayers<L>(
  layers: readonly L[],
  input: Tensor4D,
  apply: (layer: L, x: Tensor4D) => Tensor4D,
): Tensor4D {
  return layers.reduce((x, layer) => {
    const y = tf.tidy(() => apply(layer, x));
    if (x !== input) x.dispose();
    return y;
  }, input);
}
