/** Squared distances by tensor operations: what quantizers compute in exported models, where no search of the host is. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";

/**
 * vectors `[m, d]`, codebook `[K, d]` -> `[m, K]` float32. Squared differences are added up number by number, as searches do it:
 * a product |x|^2 - 2 x.c + |c|^2 would lose digits.
 */
export function squaredDistancesOnEngine(vectors: Tensor2D, codebook: Tensor2D): Tensor2D {
  const dim = vectors.shape[1];
  return tf.tidy(() => {
    let distances: Tensor2D | undefined;
    for (let i = 0; i < dim; i++) {
      const x = tf.slice(vectors, [0, i], [-1, 1]);
      const c = tf.reshape(tf.slice(codebook, [0, i], [-1, 1]), [1, -1]);
      const square = tf.square(tf.sub<Tensor2D>(x, c));
      distances = distances ? tf.add<Tensor2D>(distances, square) : square;
    }
    return distances!;
  });
}
