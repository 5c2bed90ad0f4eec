/**
 * The latent elements that each token decides. Changing one token at a time finds them, for any
 * quantizer.
 */
import { latentSize, type LatentShape } from "@revq/core";
import type { TokenizerParts } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Footprints } from "../protocol/messages.js";

/** What maps ids to latents. */
export type LatentDecoder = Pick<TokenizerParts, "latentShape" | "space" | "quantizer">;

/** Elements of latents that are computed at once. */
const budget = 2 ** 22;

/**
 * Tries each token with the first and the last code of its group. A group of one code decides
 * nothing.
 */
export async function findFootprints(decoder: LatentDecoder): Promise<Footprints> {
  const { latentShape: shape, quantizer } = decoder;
  const { count, codebookSizes, groupOf } = quantizer.layout;
  const size = latentSize(shape);
  const base = await latentsOf(decoder, new Int32Array(count), 1);
  const rows = Math.max(1, Math.floor(budget / size));
  const starts = new Int32Array(count + 1);
  const indices: number[] = [];
  for (let first = 0; first < count; first += rows) {
    const n = Math.min(rows, count - first);
    const changed = new Int32Array(n * count);
    for (let i = 0; i < n; i++) changed[i * count + first + i] = codebookSizes[groupOf[first + i]!]! - 1;
    const values = await latentsOf(decoder, changed, n);
    for (let i = 0; i < n; i++) {
      for (let index = 0; index < size; index++) {
        const at = channelLast(index, shape);
        if (values[i * size + at] !== base[at]) indices.push(index);
      }
      starts[first + i + 1] = indices.length;
    }
  }
  return { starts, indices: Int32Array.from(indices) };
}

/** The index in `[h, w, c]` of element `index` of `[c, h, w]`. */
export function channelLast(index: number, { channels, height, width }: LatentShape): number {
  const positions = height * width;
  const channel = Math.floor(index / positions);
  return (index % positions) * channels + channel;
}

/** ids `[n, T]` -> standardized latents `[n, h, w, c]`, flat. */
export async function latentsOf(
  { space, quantizer }: LatentDecoder,
  ids: Int32Array,
  n: number,
): Promise<Float32Array> {
  const latents = tf.tidy(() =>
    space.inverse(quantizer.dequantize(tf.tensor2d(ids, [n, quantizer.layout.count], "int32"))),
  );
  const values = (await latents.data()) as Float32Array;
  latents.dispose();
  return values;
}

/**
 * standardized latents `[n, h, w, c]` -> in the tokenizer's metric, flat: there, a direction weighs as
 * much as it changes the picture.
 */
export async function inMetric(space: LatentDecoder["space"], standardized: tf.Tensor4D): Promise<Float32Array> {
  const mapped = space.inMetric(standardized);
  const values = (await mapped.data()) as Float32Array;
  mapped.dispose();
  return values;
}
