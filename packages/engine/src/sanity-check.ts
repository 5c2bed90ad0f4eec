/**
 * Checks that a backend computes correctly: a matrix product, a convolution and, where gradients are
 * registered, its two gradients against known values. It finds broken drivers and installations before a training run starts.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { RevqError } from "@revq/core";
import { hasGradients } from "./gradients.js";

/** Throws `engine-wrong-result` for an error above 1e-3, and the backend's own errors. */
export async function checkBackend(name: string): Promise<void> {
  const results = tf.tidy(() => {
    const product = tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2]) as Tensor2D);
    const image = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3, 1]);
    const filter = tf.tensor4d([1, 2, 3, 4], [2, 2, 1, 1]);
    const convolve = (x: Tensor4D, w: Tensor4D): Tensor4D => tf.conv2d(x, w, 1, "valid");
    const sum = (x: Tensor, w: Tensor): Tensor<tf.Rank.R0> => tf.sum(convolve(x as Tensor4D, w as Tensor4D));
    if (!hasGradients()) return { product, value: sum(image, filter) };
    const { value, grads } = tf.valueAndGrads(sum)([image, filter]);
    return { product, value, byImage: grads[0]!, byFilter: grads[1]! };
  });
  const expected: Readonly<Record<string, readonly number[]>> = {
    product: [19, 22, 43, 50],
    value: [37 + 47 + 67 + 77],
    byImage: [1, 3, 2, 4, 10, 6, 3, 7, 4],
    byFilter: [12, 16, 24, 28],
  };
  try {
    for (const [what, result] of Object.entries(results)) {
      const values = expected[what]!;
      const got = await result.data();
      if (got.length !== values.length || values.some((value, i) => !(Math.abs(got[i]! - value) <= 1e-3))) {
        throw new RevqError(
          "engine-wrong-result",
          `The backend ${name} computes wrong values: ` +
            `${what} is ${[...got].join(", ")}, expected ${values.join(", ")}.`,
          { fix: "Update the driver or the package, or use another engine.", setting: { path: "engine" } },
        );
      }
    }
  } finally {
    tf.dispose(Object.values(results));
  }
}
