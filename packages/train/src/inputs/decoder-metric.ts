/**
 * Measures what the decoder makes of errors in the latent: G = E[JᵀJ], J the derivative of the
 * picture by the latent at one position. To first order, an error e at every position costs the
 * picture the mean squared error eᵀGe.
 */
import type { Backbone, FitContext, LatentSource, Random } from "@revq/core";
import type { LatentStatistics } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";

/** The noise of the finite differences, in standard deviations of the channel. */
const differenceDeviation = 0.1;
/**
 * The decoder is measured where it will work: on latents with an error. So many standard deviations
 * are a usual error of quantized latents.
 */
const errorDeviation = 0.4;
/** Side of the measured crops, in positions. */
const cropSide = 16;
/** Four gave taesd3 pictures within .1 dB of those of sixteen. */
const maxSamples = 8;
/** Decodes of whole latents per training latent, at most: measuring costs little next to encoding. */
const decodesPerLatent = 0.05;

export interface MetricSamples {
  readonly count: number;
  /** Positions. */
  readonly height: number;
  readonly width: number;
}

/**
 * How many samples are measured, and how large: it follows from sizes alone, so that a run can be
 * repeated. Crops of many latents tell more than a few whole ones.
 * @param crops the decoder takes latents of any size
 */
export function metricSamples({ shape, count }: Pick<LatentSource, "shape" | "count">, crops: boolean): MetricSamples {
  const [height, width] = crops
    ? [Math.min(cropSide, shape.height), Math.min(cropSide, shape.width)]
    : [shape.height, shape.width];
  const perLatent = Math.floor((shape.height * shape.width) / (height * width));
  const affordable = Math.floor((decodesPerLatent * count * perLatent) / (shape.channels + 1));
  return { count: Math.max(1, Math.min(maxSamples, Math.max(perLatent, affordable))), height, width };
}

/**
 * G, `[c, c]` row-major, exactly symmetric, float32. Every channel in turn gets white noise of the
 * same pattern, plus or minus one at every position. The products of two differences of pictures,
 * averaged over pixels and colours, are an unbiased estimate of an entry of G. It takes c + 1
 * decodes a sample.
 *
 * @param latents training latents, as the backbone gives them
 */
export async function measureDecoder(
  backbone: Pick<Backbone, "decode" | "gradients">,
  latents: LatentSource,
  statistics: Pick<LatentStatistics, "std">,
  { random, report, signal }: Pick<FitContext, "random" | "report" | "signal">,
): Promise<Float32Array> {
  const { channels } = latents.shape;
  const samples = metricSamples(latents, backbone.gradients !== undefined);
  const deviations = channelDeviations(statistics, channels);
  const source = random.fork("metric");
  const sums = new Float64Array(channels * channels);
  const total = samples.count * (channels + 1);
  for (let sample = 0; sample < samples.count; sample++) {
    const values = await readSample(latents, samples, source);
    for (let i = 0; i < values.length; i++) values[i]! += errorDeviation * deviations[i % channels]! * source.normal();
    const signs = Int8Array.from({ length: values.length / channels }, () => 2 * source.integer(2) - 1);
    const products = await channelProducts({
      values,
      signs,
      steps: deviations.map((deviation) => differenceDeviation * deviation),
      async decode(shifted) {
        signal.throwIfAborted();
        const tensor = tf.tensor4d(shifted, [1, samples.height, samples.width, channels]);
        try {
          return await backbone.decode(tensor);
        } finally {
          tensor.dispose();
        }
      },
    });
    products.forEach((product, i) => (sums[i]! += product / samples.count));
    report({ phase: "measure the decoder", done: (sample + 1) * (channels + 1), total });
  }
  return symmetric(sums, channels);
}

/** A crop of a latent, both at random, `[height, width, c]` flat. */
async function readSample(
  latents: LatentSource,
  { height, width }: MetricSamples,
  random: Random,
): Promise<Float32Array> {
  const { shape } = latents;
  const whole = await latents.read([random.integer(latents.count)]);
  const top = random.integer(shape.height - height + 1);
  const left = random.integer(shape.width - width + 1);
  const row = width * shape.channels;
  const crop = new Float32Array(height * row);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * shape.width + left) * shape.channels;
    crop.set(whole.subarray(from, from + row), y * row);
  }
  return crop;
}

interface Differences {
  /** A latent, `[h, w, c]` flat. */
  readonly values: Float32Array;
  /** Of the noise at every position, `[h * w]`. */
  readonly signs: Int8Array;
  /** Size of the noise, `[c]`. */
  readonly steps: Float64Array;
  readonly decode: (values: Float32Array) => Promise<Tensor4D>;
}

/** Products of the pictures' differences of two channels each, averaged over values, `[c, c]`. */
async function channelProducts({ values, signs, steps, decode }: Differences): Promise<Float32Array> {
  const channels = steps.length;
  const plain = await decode(values);
  const differences: tf.Tensor1D[] = [];
  for (let channel = 0; channel < channels; channel++) {
    const shifted = values.slice();
    for (let p = 0; p < signs.length; p++) shifted[p * channels + channel]! += steps[channel]! * signs[p]!;
    const picture = await decode(shifted);
    differences.push(tf.tidy(() => tf.reshape(tf.div(tf.sub(picture, plain), steps[channel]!), [plain.size])));
    picture.dispose();
  }
  const products = tf.tidy(() => {
    const stacked = tf.stack(differences) as tf.Tensor2D;
    return tf.div(tf.matMul(stacked, stacked, false, true), plain.size);
  });
  const result = Float32Array.from(await products.data());
  tf.dispose([plain, products, ...differences]);
  return result;
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
