/**
 * What one group of tokens (a depth, for residual quantizers) says: the latents of its tokens while
 * all others are at their mean. Works through ids alone, so for every quantizer and transform.
 */
import { latentSize } from "@revq/core";
import type { DecodedImage } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { inMetric, latentsOf, type LatentDecoder } from "./footprints.js";
import { divergingPicture, extentOf, mainComponent } from "./latent-colours.js";

/** The mean of a codebook is taken over at most this many codes, evenly spaced. */
const maxMeanCodes = 64;

/** Elements of latents that are computed at once. */
const budget = 2 ** 22;

/**
 * Latents of the group's codes minus the mean of its codes, `[h, w, c]`: the difference that the
 * group makes to code 0, less the mean difference that its codes make.
 *
 * @param ids `[T]`
 */
export async function groupDeviations(
  decoder: LatentDecoder,
  ids: Int32Array,
  group: number,
  means: Map<number, Float32Array>,
): Promise<Float32Array> {
  const { groupOf } = decoder.quantizer.layout;
  const pair = new Int32Array(2 * ids.length);
  pair.set(ids);
  pair.set(
    ids.map((id, token) => (groupOf[token] === group ? 0 : id)),
    ids.length,
  );
  const [values, mean] = [await latentsOf(decoder, pair, 2), await meanDifference(decoder, group, means)];
  const size = latentSize(decoder.latentShape);
  return mean.map((offset, i) => values[i]! - values[size + i]! - offset);
}

/** The mean over the group's codes of (latents with this code in all its tokens) - (with code 0). */
async function meanDifference(
  decoder: LatentDecoder,
  group: number,
  means: Map<number, Float32Array>,
): Promise<Float32Array> {
  const known = means.get(group);
  if (known) return known;
  const { count, codebookSizes, groupOf } = decoder.quantizer.layout;
  const size = latentSize(decoder.latentShape);
  const codes = Math.min(maxMeanCodes, codebookSizes[group]!);
  const rows = Math.max(1, Math.floor(budget / size));
  const sum = new Float64Array(size);
  for (let first = 0; first < codes; first += rows) {
    const n = Math.min(rows, codes - first);
    const ids = new Int32Array(n * count);
    for (let i = 0; i < n; i++) {
      const code = Math.floor(((first + i) * codebookSizes[group]!) / codes);
      for (let t = 0; t < count; t++) if (groupOf[t] === group) ids[i * count + t] = code;
    }
    const values = await coefficientSums(decoder, ids, n);
    for (let i = 0; i < size; i++) sum[i]! += values[i]!;
  }
  const base = await latentsOf(decoder, new Int32Array(count), 1);
  const mean = base.map((value, i) => sum[i]! / codes - value);
  means.set(group, mean);
  return mean;
}

/** ids `[n, T]` -> the sum of their latents, `[h, w, c]`. The inverse transform is linear: one call does. */
async function coefficientSums({ space, quantizer }: LatentDecoder, ids: Int32Array, n: number): Promise<Float32Array> {
  const sums = tf.tidy(() => {
    const coefficients = quantizer.dequantize(tf.tensor2d(ids, [n, quantizer.layout.count], "int32"));
    return tf.mul(space.inverse(tf.mean(coefficients, 0, true)), n);
  });
  const values = (await sums.data()) as Float32Array;
  sums.dispose();
  return values;
}

/** A picture a group, `[h, w]`, all on one diverging scale: strong groups are strong. */
export async function groupMaps(
  decoder: LatentDecoder,
  ids: Int32Array,
  groups: readonly number[],
  means: Map<number, Float32Array>,
): Promise<DecodedImage[]> {
  const components: Float32Array[] = [];
  for (const group of groups) {
    const deviations = await groupDeviations(decoder, ids, group, means);
    const { channels, height, width } = decoder.latentShape;
    const standardized = tf.tensor4d(deviations, [1, height, width, channels]);
    components.push(mainComponent(await inMetric(decoder.space, standardized), channels));
    standardized.dispose();
  }
  const extent = Math.max(...components.map(extentOf));
  return components.map((component) => divergingPicture(component, decoder.latentShape, extent));
}
