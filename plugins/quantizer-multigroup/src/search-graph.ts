/** The nearest code of every token by tensor operations: for exported models, which have no search of `@revq/nearest`. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor3D } from "@tensorflow/tfjs-core";
import type { CodebookSizes } from "./codebook-sizes.js";

/**
 * tokens `[n, T, d]`, codebooks `[codes of all groups, d]`, groupOf `[T]` -> ids `[n, T]` int32, the lowest of equally near ones. Squared
 * differences are added up element by element, as the search does it: a product |x|^2 - 2 x.c + |c|^2 would lose digits.
 */
export function searchByTensors(
  tokens: Tensor3D,
  codebooks: Tensor2D,
  { sizes, starts, equal }: CodebookSizes,
  groupOf: Int32Array,
): Tensor2D {
  const [n, count, dim] = tokens.shape;
  const codes = Math.max(...sizes);
  const own = equal !== null && sizes.length === count && groupOf.every((group, token) => group === token);
  const books = own ? tf.reshape(codebooks, [count, codes, dim]) : tf.gather(codebooks, rowsOfTokens(), 0);
  /** For every token its group's codes, `[T, largest K]`; a smaller group's first code again, which never wins: the lowest does. */
  function rowsOfTokens(): Tensor2D {
    const rows = new Int32Array(count * codes);
    for (let i = 0; i < rows.length; i++) {
      const group = groupOf[Math.floor(i / codes)]!;
      rows[i] = starts[group]! + (i % codes < sizes[group]! ? i % codes : 0);
    }
    return tf.tensor2d(rows, [count, codes], "int32");
  }
  let distances: tf.Tensor | undefined;
  for (let i = 0; i < dim; i++) {
    const x = tf.slice(tokens, [0, 0, i], [n, count, 1]);
    const c = tf.reshape(tf.slice(books, [0, 0, i], [count, codes, 1]), [1, count, codes]);
    const square = tf.square(tf.sub(x, c));
    distances = distances ? tf.add(distances, square) : square;
  }
  return tf.argMin(distances!, 2) as Tensor2D;
}
