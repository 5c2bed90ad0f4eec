/** Latent error and codes over a source of standardized latents: what both recipes and the evaluation measure with. */
import { latentSize, type LatentSource, type Quantizer, type Rectifier, type TokenSpec } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type { LatentError } from "./records.js";

/** Rows `indices` of a source as a tensor `[n, h, w, c]`. */
export async function readLatents(source: LatentSource, indices: ArrayLike<number>): Promise<Tensor4D> {
  const { channels, height, width } = source.shape;
  return tf.tensor4d(await source.read(indices), [indices.length, height, width, channels]);
}

/** Splits 0 .. count-1 (or the given rows) into runs of at most `size`. */
export function* chunks(rows: Int32Array | number, size: number): Generator<Int32Array> {
  const all = typeof rows === "number" ? Int32Array.from({ length: rows }, (_, row) => row) : rows;
  for (let start = 0; start < all.length; start += size) yield all.subarray(start, start + size);
}

/** Codes of every latent, `[count, t]` flat. */
export async function quantizeAll(
  quantizer: Quantizer,
  source: LatentSource,
  batch: number,
  onBatch: (done: number) => void = () => {},
): Promise<Int32Array> {
  const { tokens } = quantizer.tokens;
  const codes = new Int32Array(source.count * tokens);
  let done = 0;
  for (const rows of chunks(source.count, batch)) {
    const latents = await readLatents(source, rows);
    const ids = await quantizer.quantize(latents);
    codes.set(await ids.data(), done * tokens);
    tf.dispose([latents, ids]);
    done += rows.length;
    onBatch(done);
  }
  return codes;
}

/** Rows of a flat `[count, t]` array as an int32 tensor `[n, t]`. */
export function codesTensor(codes: Int32Array, tokens: TokenSpec, rows: ArrayLike<number>): Tensor2D {
  const t = tokens.tokens;
  const chosen = new Int32Array(rows.length * t);
  for (let i = 0; i < rows.length; i++) chosen.set(codes.subarray(rows[i]! * t, (rows[i]! + 1) * t), i * t);
  return tf.tensor2d(chosen, [rows.length, t], "int32");
}

export interface LatentErrorInput {
  readonly quantizer: Quantizer;
  readonly rectifier: Rectifier;
  readonly source: LatentSource;
  /** Codes of the whole source if they are known, `[count, t]` flat. */
  readonly codes?: Int32Array;
  /** Measure these rows only. */
  readonly rows?: Int32Array;
  readonly batch: number;
}

/** Mean squared error per element, before and after the rectifier; sums in float64. */
export async function measureLatentError(input: LatentErrorInput): Promise<LatentError> {
  const { quantizer, rectifier, source, codes, batch } = input;
  const rows = input.rows ?? Int32Array.from({ length: source.count }, (_, row) => row);
  let quantizedSum = 0;
  let rectifiedSum = 0;
  for (const chunk of chunks(rows, batch)) {
    const latents = await readLatents(source, chunk);
    const ids = codes ? codesTensor(codes, quantizer.tokens, chunk) : await quantizer.quantize(latents);
    const [quantized, rectified] = tf.tidy(() => {
      const estimate = quantizer.dequantize(ids);
      return [meanSquaredError(latents, estimate), meanSquaredError(latents, rectifier.rectify(estimate))];
    }) as [Scalar, Scalar];
    quantizedSum += (await quantized.data())[0]! * chunk.length;
    rectifiedSum += (await rectified.data())[0]! * chunk.length;
    tf.dispose([latents, ids, quantized, rectified]);
  }
  const count = Math.max(1, rows.length);
  return { quantized: quantizedSum / count, rectified: rectifiedSum / count };
}

export function meanSquaredError(a: Tensor4D, b: Tensor4D): Scalar {
  return tf.tidy(() => tf.mean(tf.squaredDifference(a, b)) as Scalar);
}

/** How many rows of latents fit into about 2^24 numbers: a batch for measuring, where no gradients are kept. */
export function measuringBatch(source: LatentSource, batch: number): number {
  return Math.max(1, Math.min(batch, Math.floor(2 ** 22 / latentSize(source.shape))));
}
