/**
 * The metric of a latent space: the map that is applied to latents before the transform. Quantizers
 * minimize squared error, so it decides which errors cost much.
 */
import {
  requireTensor,
  type LatentShape,
  type LatentSource,
  type MetricId,
  type NamedArray,
  type NamedTensors,
} from "@revq/core";
import { symmetricPower } from "@revq/numerics";
import type { LatentStatistics } from "./standardizer.js";

export type Metric =
  | { readonly id: "standardized" | "centred" }
  | {
      readonly id: "decoder";
      /** `[c, c]` row-major, symmetric. It maps the centred channels of every position. */
      readonly matrix: Float32Array;
      /** Of the mapped training latents, `[h, w, c]` flat; absent in a tokenizer that was opened. */
      readonly variances?: Float64Array;
    };

/** An eigenvalue of the decoder's metric is at least this part of the largest one. */
const smallestEigenvalue = 1e-4;
/** Latents that the scale of the metric is measured on, at most. */
const maxLatents = 1024;

/**
 * The metric `decoder`: the square root of `gram`, times the factor that gives mapped latents the
 * mean variance 1.
 *
 * @param gram E[JᵀJ] of the decoder's derivative J at one position, `[c, c]`, in any unit
 * @param centred training latents minus their mean
 *
 * @example
 * const rows = [Float32Array.of(1, 4), Float32Array.of(-1, -4)];
 * const centred = {
 *   shape: { channels: 2, height: 1, width: 1 },
 *   count: 2,
 *   read: async (indices) => Float32Array.from([...indices].flatMap((i) => [...rows[i]])),
 * };
 * const { matrix } = await decoderMetric(Float64Array.of(16, 0, 0, 1), centred);
 * matrix; // => [1, 0, 0, 0.25]
 */
export async function decoderMetric(
  gram: Float32Array | Float64Array,
  centred: LatentSource,
): Promise<Extract<Metric, { id: "decoder" }>> {
  const { channels } = centred.shape;
  const root = symmetricPower(gram, channels, 0.5, { floor: smallestEigenvalue });
  const unscaled = await variancesOf(mappedSource(centred, root));
  const mean = unscaled.reduce((sum, variance) => sum + variance, 0) / unscaled.length;
  const scale = mean > 0 ? 1 / Math.sqrt(mean) : 1;
  return {
    id: "decoder",
    matrix: Float32Array.from(root, (value) => scale * value),
    variances: unscaled.map((variance) => scale ** 2 * variance),
  };
}

/** Second moments of the elements of latents with mean zero, `[h, w, c]` flat. */
async function variancesOf(source: LatentSource): Promise<Float64Array> {
  const count = Math.min(source.count, maxLatents);
  const { channels, height, width } = source.shape;
  const sums = new Float64Array(channels * height * width);
  for (let i = 0; i < count; i++) {
    const values = await source.read([Math.floor((i * source.count) / count)]); // evenly spaced
    for (let element = 0; element < values.length; element++) sums[element]! += values[element]! ** 2;
  }
  return sums.map((sum) => sum / Math.max(1, count));
}

/** Maps the channels of every position by `matrix`, in float64, rounded to float32. */
export function mappedSource(source: LatentSource, matrix: Float32Array | Float64Array): LatentSource {
  return {
    shape: source.shape,
    count: source.count,
    async read(indices) {
      const values = await source.read(indices);
      mapChannels(values, matrix);
      return values;
    },
  };
}

/** The same in place: `values` are `[n, h, w, c]` flat. */
export function mapChannels(values: Float32Array, matrix: Float32Array | Float64Array): void {
  const channels = Math.sqrt(matrix.length);
  const mapped = new Float64Array(channels);
  for (let position = 0; position < values.length; position += channels) {
    for (let row = 0; row < channels; row++) {
      let sum = 0;
      for (let k = 0; k < channels; k++) sum += matrix[row * channels + k]! * values[position + k]!;
      mapped[row] = sum;
    }
    values.set(mapped, position);
  }
}

/**
 * The share of every channel in the picture's error, `[c]`, when every channel has an error of one
 * standard deviation; the sum is 1. Null unless the metric is the decoder's.
 */
export function channelShares(metric: Metric, { std }: LatentStatistics): number[] | null {
  if (metric.id !== "decoder") return null;
  const channels = Math.sqrt(metric.matrix.length);
  const errors = Array.from({ length: channels }, (_, channel) => {
    let [variance, weight] = [0, 0];
    for (let i = channel; i < std.length; i += channels) variance += std[i]! ** 2;
    // The matrix is a root: the squares of a row add up to an entry of its square's diagonal.
    for (let i = 0; i < channels; i++) weight += metric.matrix[channel * channels + i]! ** 2;
    return variance * weight;
  });
  const sum = errors.reduce((total, error) => total + error, 0);
  return errors.map((error) => error / sum);
}

/** What a file must hold: `matrix` `[c, c]` float32 for the metric `decoder`. */
export function metricArrays(metric: Metric): Record<string, NamedArray> {
  if (metric.id !== "decoder") return {};
  const channels = Math.sqrt(metric.matrix.length);
  return { matrix: { shape: [channels, channels], data: metric.matrix } };
}

/** @param state `matrix` `[c, c]` for the metric `decoder`. Throws `state-*`. */
export async function metricFromState(id: MetricId, { channels }: LatentShape, state: NamedTensors): Promise<Metric> {
  if (id !== "decoder") return { id };
  const matrix = (await requireTensor(state, "matrix", [channels, channels]).data()) as Float32Array;
  return { id, matrix: Float32Array.from(matrix) };
}
