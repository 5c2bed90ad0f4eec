/** The vectors of one group's codes, and their map in the plane. */
import { latentSize, type Quantizer } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Codebook, Footprints } from "../protocol/messages.js";
import { channelLast, latentsOf, type LatentDecoder } from "./footprints.js";
import { principalMap } from "./principal-map.js";

/** Elements of latents that are computed at once. */
const budget = 2 ** 22;

/**
 * Puts every code into the group's first token and reads the latent elements that this token
 * decides. This works for any quantizer. If the first and the last code agree with a state tensor
 * `codebooks` `[G, K, d]`, the codes are taken from there.
 */
export async function readCodebook(
  decoder: LatentDecoder,
  footprints: Footprints,
  group: number,
  signal: AbortSignal,
): Promise<Codebook> {
  const { quantizer, latentShape: shape } = decoder;
  const { codebookSizes, groupOf } = quantizer.layout;
  const count = codebookSizes[group]!;
  const token = groupOf.indexOf(group);
  const elements = footprints.indices.subarray(footprints.starts[token], footprints.starts[token + 1]);
  const at = Array.from(elements, (index) => channelLast(index, shape));
  const read = (first: number, n: number): Promise<Float32Array> => readCodes(decoder, token, at, first, n);
  const dim = at.length;
  let vectors = await storedCodes(quantizer, group, dim);
  for (const code of vectors ? [0, count - 1] : []) {
    if (!sameValues(await read(code, 1), vectors!.subarray(code * dim, (code + 1) * dim))) vectors = undefined;
    if (!vectors) break;
  }
  if (!vectors) {
    vectors = new Float32Array(count * dim);
    const rows = Math.max(1, Math.floor(budget / latentSize(shape)));
    for (let first = 0; first < count; first += rows) {
      signal.throwIfAborted();
      vectors.set(await read(first, Math.min(rows, count - first)), first * dim);
    }
  }
  return { group, dim, vectors, ...principalMap(vectors, count, dim) };
}

/** The values of codes `first` … `first + n` in the elements `at` of `[h, w, c]`: `[n, d]`. */
async function readCodes(
  decoder: LatentDecoder,
  token: number,
  at: readonly number[],
  first: number,
  n: number,
): Promise<Float32Array> {
  const { count } = decoder.quantizer.layout;
  const size = latentSize(decoder.latentShape);
  const ids = new Int32Array(n * count);
  for (let i = 0; i < n; i++) ids[i * count + token] = first + i;
  const values = await latentsOf(decoder, ids, n);
  const vectors = new Float32Array(n * at.length);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < at.length; k++) vectors[i * at.length + k] = values[i * size + at[k]!]!;
  }
  return vectors;
}

/** The group's part of a state tensor `codebooks`, `[K, d]`, if there is one of that shape. */
async function storedCodes(quantizer: Quantizer, group: number, dim: number): Promise<Float32Array | undefined> {
  const { codebookSizes } = quantizer.layout;
  const stored = quantizer.state()["codebooks"];
  if (!stored || stored.shape.join() !== [codebookSizes.length, codebookSizes[group], dim].join()) return undefined;
  const own = tf.slice(stored, [group, 0, 0], [1, codebookSizes[group]!, dim]);
  const values = Float32Array.from(await own.data());
  own.dispose();
  return values;
}

/** In any order: a quantizer may cut latents in another order than `[c, h, w]`. */
function sameValues(a: Float32Array, b: Float32Array): boolean {
  const [x, y] = [a.slice().sort(), b.slice().sort()];
  return x.every((value, i) => value === y[i]);
}
