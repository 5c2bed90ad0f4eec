/** The vectors of one group's codes, and their map in the plane. */
import { latentSize, type LatentShape, type Quantizer } from "@revq/core";
import { symmetricEigen } from "@revq/numerics";
import * as tf from "@tensorflow/tfjs-core";
import type { Codebook, Footprints } from "../protocol/messages.js";
import { channelLast, latentsOf } from "./footprints.js";

const budget = 2 ** 22;

/**
 * Every code is put into the group's first token and read off where that token acts: it works for every quantizer. Where the state
 * holds the vectors as they are (`codebooks`, `[G, K, d]`), which a look at the first and the last code tells, they are taken from there.
 */
export async function readCodebook(
  quantizer: Quantizer,
  shape: LatentShape,
  footprints: Footprints,
  group: number,
  signal: AbortSignal,
): Promise<Codebook> {
  const { codes, groupOf } = quantizer.tokens;
  const count = codes[group]!;
  const token = groupOf.indexOf(group);
  const places = footprints.places.subarray(footprints.starts[token], footprints.starts[token + 1]);
  const at = Array.from(places, (place) => channelLast(place, shape));
  const read = (first: number, n: number): Promise<Float32Array> =>
    readCodes(quantizer, latentSize(shape), token, at, first, n);
  const dim = at.length;
  let vectors = await storedCodes(quantizer, group, dim);
  for (const code of vectors ? [0, count - 1] : []) {
    if (!sameNumbers(await read(code, 1), vectors!.subarray(code * dim, (code + 1) * dim))) vectors = undefined;
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

/** What codes `first` … `first + n` of the token's group put at the places `at` of `[h, w, c]`: `[n, d]`. */
async function readCodes(
  quantizer: Quantizer,
  size: number,
  token: number,
  at: readonly number[],
  first: number,
  n: number,
): Promise<Float32Array> {
  const { tokens } = quantizer.tokens;
  const ids = new Int32Array(n * tokens);
  for (let i = 0; i < n; i++) ids[i * tokens + token] = first + i;
  const values = await latentsOf(quantizer, ids, n);
  const vectors = new Float32Array(n * at.length);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < at.length; k++) vectors[i * at.length + k] = values[i * size + at[k]!]!;
  }
  return vectors;
}

/** The group's part of a state tensor `codebooks`, `[K, d]`, if there is one of that shape. */
async function storedCodes(quantizer: Quantizer, group: number, dim: number): Promise<Float32Array | undefined> {
  const { codes } = quantizer.tokens;
  const stored = quantizer.state()["codebooks"];
  if (!stored || stored.shape.join() !== [codes.length, codes[group], dim].join()) return undefined;
  const own = tf.slice(stored, [group, 0, 0], [1, codes[group]!, dim]);
  const values = Float32Array.from(await own.data());
  own.dispose();
  return values;
}

/** In any order: a quantizer may cut latents in another order than `[c, h, w]`. */
function sameNumbers(a: Float32Array, b: Float32Array): boolean {
  const [x, y] = [a.slice().sort(), b.slice().sort()];
  return x.every((value, i) => value === y[i]);
}

/** Above this many numbers a code, PCA looks at the numbers that vary most: the eigenproblem is cubic. */
const maxDimensions = 512;

/** vectors `[n, d]` -> the first two principal components of each, `[n, 2]`, and the share of the variance that they explain. */
export function principalMap(vectors: Float32Array, n: number, d: number): Pick<Codebook, "map" | "explained"> {
  const map = new Float32Array(n * 2);
  if (n === 0 || d === 0) return { map, explained: [0, 0] };
  const mean = new Float64Array(d);
  for (let i = 0; i < n; i++) for (let k = 0; k < d; k++) mean[k]! += vectors[i * d + k]! / n;
  const variance = new Float64Array(d);
  for (let i = 0; i < n; i++) for (let k = 0; k < d; k++) variance[k]! += (vectors[i * d + k]! - mean[k]!) ** 2 / n;
  const total = variance.reduce((sum, value) => sum + value, 0);
  const kept = [...variance.keys()].sort((a, b) => variance[b]! - variance[a]!).slice(0, maxDimensions);
  const m = kept.length;
  const covariance = new Float64Array(m * m);
  for (let i = 0; i < n; i++) {
    const row = kept.map((k) => vectors[i * d + k]! - mean[k]!);
    for (let a = 0; a < m; a++) for (let b = 0; b <= a; b++) covariance[a * m + b]! += (row[a]! * row[b]!) / n;
  }
  for (let a = 0; a < m; a++) for (let b = a + 1; b < m; b++) covariance[a * m + b] = covariance[b * m + a]!;
  const eigen = symmetricEigen(covariance, m);
  for (let i = 0; i < n; i++) {
    for (let axis = 0; axis < Math.min(2, m); axis++) {
      let sum = 0;
      for (let a = 0; a < m; a++) sum += eigen.vectors[axis * m + a]! * (vectors[i * d + kept[a]!]! - mean[kept[a]!]!);
      map[i * 2 + axis] = sum;
    }
  }
  const share = (axis: number): number => (total > 0 ? Math.max(0, eigen.values[axis] ?? 0) / total : 0);
  return { map, explained: [share(0), share(1)] };
}
