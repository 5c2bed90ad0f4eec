/**
 * Gradients of codes from gradients of the tokens that were looked up: the chain rule through the
 * look-up. Only codes that were hit have a gradient, so no array here is as large as the codebooks.
 */
import { requireLength, resolveLayout, type NearestShape } from "./shape.js";

export interface CodeGradients {
  /** The codes that were hit, as rows of all groups (`group * codes + code`), ascending. */
  readonly rows: Int32Array;
  /** Their gradients, `[rows.length, dim]`: the sum over each code's tokens. */
  readonly sums: Float32Array;
  /** Euclidean norm of all gradients together. */
  readonly norm: number;
}

/**
 * Sums the gradients of tokens by code, as `adamwStepRows` takes them.
 *
 * @param gradients with respect to the looked-up tokens, float32 `[samples, tokens, dim]`
 * @param indices their codes, `[samples, tokens]`, as `nearestCodes` gives them
 * @throws RevqError `nearest-shape`, `nearest-length`
 *
 * @example
 * const gradients = Float32Array.of(1, 2, 3);
 * const shape = { samples: 3, groups: 1, codes: 10, dim: 1 };
 * const { rows, sums } = sumByCode(gradients, Int32Array.of(7, 2, 7), shape);
 * rows; // => [2, 7]
 * sums; // => [2, 4]
 */
export function sumByCode(gradients: Float32Array, indices: Int32Array, shape: NearestShape): CodeGradients {
  const { samples, tokens, tokensOf, groups, codes, dim } = resolveLayout(shape);
  requireLength("gradients", gradients, [samples, tokens, dim]);
  requireLength("indices", indices, [samples, tokens]);
  const max = Math.min(samples * tokens, groups * codes);
  const rows = new Int32Array(max);
  const sums = new Float32Array(max * dim);
  const slots = new Int32Array(codes).fill(-1);
  let used = 0;
  for (let group = 0; group < groups; group++) {
    const list = tokensOf[group]!;
    const first = used;
    for (let sample = 0; sample < samples; sample++) {
      for (let t = 0; t < list.length; t++) {
        const code = indices[sample * tokens + list[t]!]!;
        if (slots[code]! >= 0) continue;
        slots[code] = 0;
        rows[used++] = code;
      }
    }
    const hit = rows.subarray(first, used).sort();
    for (let i = 0; i < hit.length; i++) slots[hit[i]!] = first + i;
    for (let sample = 0; sample < samples; sample++) {
      for (let t = 0; t < list.length; t++) {
        const token = sample * tokens + list[t]!;
        const to = slots[indices[token]!]! * dim;
        for (let i = 0; i < dim; i++) sums[to + i]! += gradients[token * dim + i]!;
      }
    }
    for (let i = 0; i < hit.length; i++) {
      slots[hit[i]!] = -1;
      hit[i]! += group * codes;
    }
  }
  let squares = 0;
  for (let i = 0; i < used * dim; i++) squares += sums[i]! ** 2;
  return { rows: rows.subarray(0, used), sums: sums.subarray(0, used * dim), norm: Math.sqrt(squares) };
}
