/** What quantizers with one codebook share: looking codes up on the engine, and a sample of the training latents. */
import { RevqError, latentSize, type LatentSource, type Random } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";
import type { TokenCut } from "./token-cut.js";

/** codebook `[K, d]`, ids `[n, T]` int32 -> latents `[n, h, w, c]`; n may be 0. Differentiable in the codebook. */
export function lookUpCodes(codebook: Tensor, ids: Tensor2D, cut: TokenCut): Tensor4D {
  const [n, tokens] = ids.shape;
  const { height, width, channels } = cut.shape;
  if (n === 0) return tf.zeros([0, height, width, channels]);
  return tf.tidy(() => {
    const chosen = tf.gather(codebook as Tensor2D, tf.reshape(ids, [n * tokens]));
    return cut.join(tf.reshape(chosen, [n, tokens, -1]) as Tensor3D);
  });
}

/**
 * Training latents `[n, h, w, c]`, flat: all of them, or `max` at random. Only this array is held in memory.
 * @throws RevqError `no-latents` when the source is empty
 */
export async function sampleLatents(source: LatentSource, max: number, random: Random): Promise<Float32Array> {
  if (source.count === 0) {
    throw new RevqError("no-latents", "There are no latents to make codebooks of; at least one is needed.", {
      fix: "Check where the training data are.",
    });
  }
  const size = latentSize(source.shape);
  const wanted = Math.max(1, Math.floor(max));
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
