/**
 * Measures what the decoder makes of errors in the latent: G = E[JᵀJ], J the derivative of the
 * picture by the latent at one position. To first order, an error e at every position costs the
 * picture the mean squared error eᵀGe.
 */
import type { Backbone, FitContext, LatentSource } from "@revq/core";
import type { LatentStatistics } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";

/** The noise of the finite differences, in standard deviations of the channel. */
const noiseDeviation = 0.1;
/** Latents from 50 photographs agree within a few percent, so few are enough. */
const maxLatents = 4;
/** Decodes per training latent at most, so that measuring costs little next to encoding. */
const decodesPerSample = 0.1;

/** How many latents are measured: it follows from sizes alone, so that a run can be repeated. */
export function latentsToMeasure({ shape, count }: Pick<LatentSource, "shape" | "count">): number {
  const affordable = Math.floor((decodesPerSample * count) / (shape.channels + 1));
  return Math.min(count, Math.max(1, Math.min(maxLatents, affordable)));
}

/**
 * G, `[c, c]` row-major, exactly symmetric, float32. Every channel in turn gets white noise of the
 * same pattern, plus or minus one at every position. The products of two differences of pictures,
 * averaged over pixels and colours, are an unbiased estimate of an entry of G.
 *
 * @param latents training latents, as the backbone gives them
 */
export async function measureDecoder(
  backbone: Pick<Backbone, "decode">,
  latents: LatentSource,
  statistics: Pick<LatentStatistics, "std">,
  { random, report, signal }: Pick<FitContext, "random" | "report" | "signal">,
): Promise<Float32Array> {
  const { channels } = latents.shape;
  const noise = channelDeviations(statistics, channels).map((deviation) => noiseDeviation * deviation);
  const rows = random.fork("latents of the metric").sample(latents.count, latentsToMeasure(latents));
  const signs = random.fork("noise of the metric");
  const sums = new Float64Array(channels * channels);
  const total = rows.length * (channels + 1);
  let done = 0;
  for (const row of rows) {
    const values = await latents.read([row]);
    const pattern = Int8Array.from({ length: values.length / channels }, () => 2 * signs.integer(2) - 1);
    const decode = async (shifted: Float32Array): Promise<Tensor4D> => {
      signal.throwIfAborted();
      report({ phase: "measure the decoder", done, total });
      const { height, width } = latents.shape;
      const tensor = tf.tensor4d(shifted, [1, height, width, channels]);
      try {
        return await backbone.decode(tensor);
      } finally {
        tensor.dispose();
        done++;
      }
    };
    const plain = await decode(values);
    const differences: tf.Tensor1D[] = [];
    for (let channel = 0; channel < channels; channel++) {
      const shifted = values.slice();
      for (let i = channel, p = 0; i < values.length; i += channels) shifted[i]! += noise[channel]! * pattern[p++]!;
      const picture = await decode(shifted);
      differences.push(tf.tidy(() => tf.reshape(tf.div(tf.sub(picture, plain), noise[channel]!), [plain.size])));
      picture.dispose();
    }
    const products = tf.tidy(() => {
      const stacked = tf.stack(differences) as tf.Tensor2D;
      return tf.div(tf.matMul(stacked, stacked, false, true), plain.size);
    });
    (await products.data()).forEach((product, i) => (sums[i]! += product / rows.length));
    tf.dispose([plain, products, ...differences]);
  }
  report({ phase: "measure the decoder", done, total });
  return symmetric(sums, channels);
}

/** Root of the mean variance of every channel's elements, `[c]`. */
function channelDeviations({ std }: Pick<LatentStatistics, "std">, channels: number): Float64Array {
  const variances = new Float64Array(channels);
  std.forEach((deviation, i) => (variances[i % channels]! += (deviation ** 2 * channels) / std.length));
  return variances.map(Math.sqrt);
}

/** An engine may round the two halves of a product differently. */
function symmetric(matrix: Float64Array, n: number): Float32Array {
  return Float32Array.from(matrix, (value, i) => (value + matrix[(i % n) * n + Math.floor(i / n)]!) / 2);
}
