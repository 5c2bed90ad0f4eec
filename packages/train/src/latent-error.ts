/** Latent error and codes over a source of standardized latents: what both recipes and the evaluation measure with. */
import { latentSize, type LatentSource, type Quantizer, type Rectifier } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type { CodeTable } from "./code-table.js";
import type { LatentError } from "./records.js";

/** Rows `indices` of a source as a tensor `[n, h, w, c]`. */
export async function readLatents(source: LatentSource, indices: ArrayLike<number>): Promise<Tensor4D> {
  const { channels, height, width } = source.shape;
  return tf.tensor4d(await source.read(indices), [indices.length, height, width, channels]);
}

/** Splits 0 .. count-1 (or the given rows) into runs of at most `size`. */
export function* chunks(rows: Int32Array | number, size: number): Generator<Int32Array> {
  const count = typeof rows === "number" ? rows : rows.length;
  for (let start = 0; start < count; start += size) {
    const length = Math.min(size, count - start);
    yield typeof rows === "number"
      ? Int32Array.from({ length }, (_, i) => start + i)
      : rows.subarray(start, start + length);
  }
}

/** Codes of every latent, in order, batch by batch. */
export async function* quantizeAll(
  quantizer: Quantizer,
  source: LatentSource,
  batch: number,
): AsyncGenerator<{ codes: Int32Array; done: number }> {
  let done = 0;
  for (const rows of chunks(source.count, batch)) {
    const latents = await readLatents(source, rows);
    const ids = await quantizer.quantize(latents);
    const codes = (await ids.data()) as Int32Array;
    tf.dispose([latents, ids]);
    done += rows.length;
    yield { codes, done };
  }
}

/** Rows of a table of codes as an int32 tensor `[n, t]`. */
export async function codesTensor(codes: CodeTable, rows: ArrayLike<number>): Promise<Tensor2D> {
  return tf.tensor2d(await codes.read(rows), [rows.length, codes.tokens], "int32");
}

export interface LatentErrorInput {
  readonly quantizer: Quantizer;
  readonly rectifier: Rectifier;
  readonly source: LatentSource;
  /** Codes of the whole source if they are known. */
  readonly codes?: CodeTable;
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
    const ids = codes ? await codesTensor(codes, chunk) : await quantizer.quantize(latents);
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

/**
 * Numbers of a batch for measuring. A rectifier's widest activation has some 64 times as many, and engines keep the memory of their
 * largest batch: at 2^22 measuring took more than a training step.
 */
const measuredAtOnce = 2 ** 16;

/** How many rows of latents to measure at once: 32 of 2,048 numbers, 8 of 8,192. */
export function measuringBatch({ shape }: Pick<LatentSource, "shape">): number {
  return Math.max(1, Math.floor(measuredAtOnce / latentSize(shape)));
}
