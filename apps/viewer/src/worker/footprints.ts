/**
 * The latent elements that each token decides, for any quantizer and transform. Codes are tried to find the
 * coefficients of a token, then numbers in their place to find the latents of these. Tokens that cannot decide
 * the same element are tried together.
 */
import { createRandom, latentSize, type LatentShape, type TokenLayout } from "@revq/core";
import type { TokenizerParts } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import type { Footprints } from "../protocol/messages.js";
import { decidedBy } from "./token-probes.js";

/** What maps ids to latents. */
export type LatentDecoder = Pick<TokenizerParts, "latentShape" | "space" | "quantizer">;

/** Elements that are computed at once. */
const budget = 2 ** 22;

/**
 * A token's coefficients are those in which the first and the last code of its group differ. A group of one
 * code decides nothing.
 */
export async function findFootprints({ latentShape: shape, quantizer, space }: LatentDecoder): Promise<Footprints> {
  const { layout } = quantizer;
  const { count } = layout;
  const size = latentSize(shape);
  const dims = [shape.height, shape.width, shape.channels] as const;
  const coefficients = await decidedBy(
    count,
    inBatches(size, (sets) => {
      const ids = new Int32Array(sets.length * count);
      sets.forEach((set, row) => {
        for (const token of set) ids[row * count + token] = lastCode(layout, token);
      });
      return quantizer.dequantize(tf.tensor2d(ids, [sets.length, count], "int32"));
    }),
  );
  // Random numbers: sums of changes do not cancel out.
  const random = createRandom(1);
  const [before, after] = [0, 1].map(() => Float32Array.from({ length: size }, () => random.normal())) as [
    Float32Array,
    Float32Array,
  ];
  const elements = await decidedBy(
    count,
    inBatches(size, (sets) => {
      const values = new Float32Array(sets.length * size);
      sets.forEach((set, row) => {
        values.set(before, row * size);
        for (const token of set) for (const at of coefficients[token]!) values[row * size + at] = after[at]!;
      });
      return tf.transpose(space.inverse(tf.tensor4d(values, [sets.length, ...dims])), [0, 3, 1, 2]);
    }),
  );
  const starts = new Int32Array(count + 1);
  elements.forEach((own, token) => (starts[token + 1] = starts[token]! + own.length));
  const indices = new Int32Array(starts[count]!);
  elements.forEach((own, token) => indices.set(own, starts[token]!));
  return { starts, indices };
}

function lastCode({ codebookSizes, groupOf }: TokenLayout, token: number): number {
  return codebookSizes[groupOf[token]!]! - 1;
}

/** Runs sets of tokens in batches of at most `budget` elements. */
function inBatches(
  size: number,
  run: (sets: readonly (readonly number[])[]) => Tensor4D,
): (sets: readonly (readonly number[])[]) => Promise<Float32Array[]> {
  const atOnce = Math.max(1, Math.floor(budget / size));
  return async (sets) => {
    const rows: Float32Array[] = [];
    for (let start = 0; start < sets.length; start += atOnce) {
      const batch = sets.slice(start, start + atOnce);
      const result = tf.tidy(() => run(batch));
      const values = (await result.data()) as Float32Array;
      result.dispose();
      rows.push(...batch.map((_, row) => values.subarray(row * size, (row + 1) * size)));
    }
    return rows;
  };
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
