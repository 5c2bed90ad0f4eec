/** The Gaussian that the encoder gives for every latent: its mean, or a seeded sample. */
import { createRandom } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";

/** Limits of the log-variance, as in diffusers. */
const [lowest, highest] = [-30, 20];

/** moments `[n, h, w, 2c]`, mean then log-variance -> mean `[n, h, w, c]` */
export function posteriorMean(moments: Tensor4D): Tensor4D {
  const [n, h, w, channels] = moments.shape;
  return tf.slice(moments, [0, 0, 0, 0], [n, h, w, channels / 2]);
}

/**
 * moments `[n, h, w, 2c]` of images `[n, H, W, 3]` -> a sample `[n, h, w, c]`. The noise of an
 * image depends on the seed and on its own pixels only, so an image gives the same sample in any
 * batch. The caller owns the result.
 */
export async function posteriorSample(moments: Tensor4D, images: Tensor4D, seed: number): Promise<Tensor4D> {
  const [n, h, w, channels] = moments.shape;
  const c = channels / 2;
  const pixels = (await images.data()) as Float32Array;
  const noise = new Float32Array(n * h * w * c);
  for (let image = 0; image < n; image++) {
    const own = pixels.subarray((image * pixels.length) / n, ((image + 1) * pixels.length) / n);
    const random = createRandom(seed).fork(hash(own));
    const start = image * h * w * c;
    for (let i = 0; i < h * w * c; i++) noise[start + i] = random.normal();
  }
  return tf.tidy(() => {
    const logVariance = tf.clipByValue(tf.slice(moments, [0, 0, 0, c], [n, h, w, c]), lowest, highest);
    return tf.add<Tensor4D>(
      posteriorMean(moments),
      tf.mul(tf.exp(tf.mul(logVariance, 0.5)), tf.tensor4d(noise, [n, h, w, c])),
    );
  });
}

/** FNV-1a over the bits of the values. */
function hash(values: Float32Array): string {
  const words = new Uint32Array(values.slice().buffer);
  let state = 0x811c9dc5;
  for (const word of words) state = Math.imul(state ^ word, 0x01000193);
  return (state >>> 0).toString(16);
}
