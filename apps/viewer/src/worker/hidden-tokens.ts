/** Ids of which some say nothing: these tokens are at the mean of their codes. */
import type { Quantizer } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";

/** The mean of a codebook is taken over at most this many codes, evenly spaced. */
const maxCodes = 64;

/**
 * ids `[T]` -> coefficients `[1, h, w, c]`, inside `tf.tidy`. Every hidden token takes all codes in turn;
 * the mean over them is that of its codes, for quantizers whose coefficients are sums over tokens.
 *
 * @param hidden `[T]`, 1 for tokens at their mean
 */
export function coefficientsOf(quantizer: Quantizer, ids: Int32Array, hidden: Uint8Array | undefined): Tensor4D {
  const { codebookSizes, groupOf } = quantizer.layout;
  if (!hidden?.includes(1)) return quantizer.dequantize(tf.tensor2d(ids, [1, ids.length], "int32"));
  const n = Math.min(maxCodes, Math.max(...codebookSizes));
  const all = new Int32Array(n * ids.length);
  for (let i = 0; i < n; i++) {
    ids.forEach((id, token) => {
      const size = codebookSizes[groupOf[token]!]!;
      all[i * ids.length + token] = hidden[token] ? Math.floor((i * size) / n) : id;
    });
  }
  return tf.mean(quantizer.dequantize(tf.tensor2d(all, [n, ids.length], "int32")), 0, true);
}
