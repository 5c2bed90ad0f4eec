/** The nearest code of every token by tensor operations: for exported models, where the search of `@revq/nearest` is not. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor3D } from "@tensorflow/tfjs-core";

/**
 * tokens `[n, T, d]`, codebooks `[G, K, d]`, groupOf `[T]` -> codes `[n, T]` int32, the lowest of equally near ones. Squared
 * differences are added up number by number, as the search does it: a product |x|^2 - 2 x.c + |c|^2 would lose digits.
 */
export function nearestOnEngine(tokens: Tensor3D, codebooks: Tensor3D, groupOf: Int32Array): Tensor2D {
  const [n, count, dim] = tokens.shape;
  const [groups, codes] = codebooks.shape;
  const own = groups === count && groupOf.every((group, token) => group === token);
  const books = own ? codebooks : tf.gather(codebooks, tf.tensor1d(groupOf, "int32"), 0);
  let distances: tf.Tensor | undefined;
  for (let i = 0; i < dim; i++) {
    const x = tf.slice(tokens, [0, 0, i], [n, count, 1]);
    const c = tf.reshape(tf.slice(books, [0, 0, i], [count, codes, 1]), [1, count, codes]);
    const square = tf.square(tf.sub(x, c));
    distances = distances ? tf.add(distances, square) : square;
  }
  return tf.argMin(distances!, 2) as Tensor2D;
}
