/**
 * The search of `beam-search.ts` by tensor operations, for all vectors at once. Exported models use
 * it.
 */
import { squaredDistancesOnEngine } from "@revq/plugin-kit";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor1D, Tensor2D, Tensor3D } from "@tensorflow/tfjs-core";

/**
 * vectors `[m, d]`, codebooks `[depth, K, d]` -> ids `[m, depth]` int32. Call it inside `tf.tidy`.
 * @param beam sums that are kept
 */
export function beamSearchOnEngine(vectors: Tensor2D, codebooks: Tensor3D, beam: number): Tensor2D {
  const [depth, codes, dim] = codebooks.shape;
  const count = vectors.shape[0];
  let residuals = vectors; // [m * kept, d]
  let kept = 1;
  /** Ids of every kept sum, stage by stage: `[m * kept]` each. */
  let paths: Tensor1D[] = [];
  for (let stage = 0; stage < depth; stage++) {
    const book: Tensor2D = tf.reshape(tf.slice(codebooks, [stage, 0, 0], [1, codes, dim]), [codes, dim]);
    const errors: Tensor2D = tf.reshape(squaredDistancesOnEngine(residuals, book), [count, kept * codes]);
    const next = stage === depth - 1 ? 1 : Math.min(beam, kept * codes);
    // Candidate `path * codes + code`.
    const candidates = lowest(errors, next);
    const [path, code] = [tf.floorDiv(candidates, codes), tf.mod(candidates, codes)].map((part) =>
      tf.cast(part, "int32"),
    ) as [Tensor2D, Tensor2D];
    // 0, kept, 2 kept, …: computed, so that a traced graph takes any number of vectors.
    const firstRows = tf.cumsum(tf.fill([count, 1], kept, "int32"), 0, true);
    const rows: Tensor1D = tf.reshape(tf.add(path, firstRows), [count * next]);
    const chosen: Tensor1D = tf.reshape(code, [count * next]);
    residuals = tf.sub(tf.gather(residuals, rows), tf.gather(book, chosen));
    paths = [...paths.map((idsOfStage) => tf.gather(idsOfStage, rows)), chosen];
    kept = next;
  }
  return tf.stack(paths, 1) as Tensor2D;
}

/**
 * values `[m, p]` -> indices of the `count` lowest, ascending, `[m, count]` int32; of equal ones
 * the first.
 */
function lowest(values: Tensor2D, count: number): Tensor2D {
  const width = values.shape[1];
  const indices = tf.reshape(tf.range(0, width, 1, "int32"), [1, width]);
  const found: Tensor2D[] = [];
  let remaining = values;
  for (let i = 0; i < count; i++) {
    const index: Tensor2D = tf.reshape(tf.argMin(remaining, 1), [-1, 1]);
    found.push(index);
    if (i < count - 1)
      remaining = tf.where(tf.equal(indices, index), tf.fill(remaining.shape, Infinity), remaining) as Tensor2D;
  }
  return tf.concat(found, 1);
}
