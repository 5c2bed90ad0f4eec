/** Reads latents in batches: as tensors, and in the two spaces that training needs. */
import { latentSize, type LatentSource, type Quantizer } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";

/**
 * The same latents in two spaces, in the same order. The two are one object when coefficients are
 * standardized latents.
 */
export interface LatentSet {
  /** What the rectifier estimates and what errors are measured in. */
  readonly standardized: LatentSource;
  /** What the quantizer quantizes: latents in the metric after the transform. */
  readonly coefficients: LatentSource;
  /**
   * Latents without their views. Row i + n * distinct is a view of row i. Absent where there are no
   * views.
   */
  readonly distinct?: number;
}

/** Number of latents, views not counted. */
export function distinctLatents({ standardized, distinct }: Pick<LatentSet, "standardized" | "distinct">): number {
  return distinct ?? standardized.count;
}

/** Rows of a latent set as tensors `[n, h, w, c]`. */
export interface LatentBatch {
  readonly standardized: Tensor4D;
  readonly coefficients: Tensor4D;
}

/** The caller disposes the batch with `disposeBatch`. */
export async function readBatch(set: LatentSet, rows: ArrayLike<number>): Promise<LatentBatch> {
  const standardized = await readLatents(set.standardized, rows);
  if (set.standardized === set.coefficients) return { standardized, coefficients: standardized };
  return { standardized, coefficients: await readLatents(set.coefficients, rows) };
}

export function disposeBatch({ standardized, coefficients }: LatentBatch): void {
  standardized.dispose();
  if (coefficients !== standardized) coefficients.dispose();
}

/** Rows of a source as a tensor `[n, h, w, c]`. */
export async function readLatents(source: LatentSource, rows: ArrayLike<number>): Promise<Tensor4D> {
  const { channels, height, width } = source.shape;
  return tf.tensor4d(await source.read(rows), [rows.length, height, width, channels]);
}

/** The rows of a source that `rows` names, as a source. */
export function selectRows(source: LatentSource, rows: Int32Array | readonly number[]): LatentSource {
  return {
    shape: source.shape,
    count: rows.length,
    read: (indices) => source.read(Array.from(indices, (index) => rows[index]!)),
  };
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

/** Ids of all coefficients, in order, batch by batch: `[n, t]` flat. */
export async function* quantizeAll(
  quantizer: Quantizer,
  coefficients: LatentSource,
  batch: number,
): AsyncGenerator<{ ids: Int32Array; done: number }> {
  let done = 0;
  for (const rows of chunks(coefficients.count, batch)) {
    const values = await readLatents(coefficients, rows);
    const quantized = await quantizer.quantize(values);
    const ids = (await quantized.data()) as Int32Array;
    tf.dispose([values, quantized]);
    done += rows.length;
    yield { ids, done };
  }
}

/**
 * Elements of a batch for measuring. The widest activation of a rectifier has some 64 times as
 * many, and engines keep the memory of their largest batch: with 2^22, measuring needed more memory
 * than a training step.
 */
const maxMeasuredElements = 2 ** 16;

/** How many latents to measure at once: 32 of 2,048 elements, 8 of 8,192. */
export function measuringBatch({ shape }: Pick<LatentSource, "shape">): number {
  return Math.max(1, Math.floor(maxMeasuredElements / latentSize(shape)));
}
