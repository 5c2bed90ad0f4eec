/**
 * What quantizers have in common whose tokens all choose from one table of codes: cutting on the host, looking codes up on the
 * engine, a sample of the training latents.
 */
import { RevqError, latentSize, tokenOrder, type LatentShape, type LatentSource, type Random, type TokenSplit } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";
import { joinTokens } from "./token-tensors.js";

/** latents `[n, h, w, c]`, flat -> tokens `[n, T, d]`, flat; in the order of `tokenOrder`. */
export function cutOnHost(
  latents: ArrayLike<number>,
  shape: LatentShape,
  tokens: number,
  split: TokenSplit,
): Float32Array {
  const order = tokenOrder(shape, tokens, split);
  const size = order.length;
  const cut = new Float32Array(latents.length);
  for (let start = 0; start < cut.length; start += size)
    for (let i = 0; i < size; i++) cut[start + i] = latents[start + order[i]!]!;
  return cut;
}

/** codebook `[K, d]`, codes `[n, T]` int32 -> latents `[n, h, w, c]`; n may be 0. Differentiable in the codebook. */
export function lookUpCodes(codebook: Tensor, codes: Tensor2D, shape: LatentShape, split: TokenSplit): Tensor4D {
  const [n, tokens] = codes.shape;
  if (n === 0) return tf.zeros([0, shape.height, shape.width, shape.channels]);
  return tf.tidy(() => {
    const chosen = tf.gather(codebook as Tensor2D, tf.reshape(codes, [n * tokens]));
    return joinTokens(tf.reshape(chosen, [n, tokens, -1]) as Tensor3D, shape, split);
  });
}

/**
 * Training latents `[n, h, w, c]`, flat: all of them, or `most` at random. What is held in memory is this array alone.
 * @throws RevqError `no-latents` when the source is empty
 */
export async function sampleLatents(source: LatentSource, most: number, random: Random): Promise<Float32Array> {
  if (source.count === 0) {
    throw new RevqError("no-latents", "There are no latents to make codebooks of; at least one is needed.", {
      fix: "Check where the training data are.",
    });
  }
  const size = latentSize(source.shape);
  const wanted = Math.max(1, Math.floor(most));
  const rows =
    source.count <= wanted
      ? Int32Array.from({ length: source.count }, (_, row) => row)
      : random.fork("sampled latents").sample(source.count, wanted).sort();
  const values = new Float32Array(rows.length * size);
  const chunk = Math.max(1, Math.floor(2 ** 21 / size));
  for (let first = 0; first < rows.length; first += chunk)
    values.set(await source.read(rows.subarray(first, first + chunk)), first * size);
  return values;
}
