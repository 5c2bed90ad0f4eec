/**
 * The latent mse: mean squared error per element of standardized latents, before and after the
 * rectifier.
 */
import type { Quantizer, Rectifier } from "@revq/core";
import type { LatentSpace } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type { IdTable } from "../recipes/id-table.js";
import type { LatentError } from "../run/records.js";
import { chunks, disposeBatch, readBatch, readLatents, type LatentSet } from "./latent-batches.js";

/** Everything between the backbone's two halves: latent -> ids -> rectified latent. */
export interface LatentCodec {
  readonly space: Pick<LatentSpace, "inverse">;
  readonly quantizer: Quantizer;
  readonly rectifier: Rectifier;
}

/**
 * ids `[n, t]` -> quantized latents `[n, h, w, c]`, standardized. Differentiable; inside `tf.tidy`.
 */
export function dequantizeIds({ space, quantizer }: Omit<LatentCodec, "rectifier">, ids: Tensor2D): Tensor4D {
  return space.inverse(quantizer.dequantize(ids));
}

export interface LatentErrorInput {
  readonly codec: LatentCodec;
  readonly latents: LatentSet;
  /** Ids of all latents, if they are known. */
  readonly ids?: IdTable;
  /** Measure only these rows. */
  readonly rows?: Int32Array;
  readonly batch: number;
}

/** Sums in float64. */
export async function measureLatentError(input: LatentErrorInput): Promise<LatentError> {
  const { codec, latents, batch } = input;
  const { quantizer, rectifier } = codec;
  const rows = input.rows ?? Int32Array.from({ length: latents.standardized.count }, (_, row) => row);
  let quantizedSum = 0;
  let rectifiedSum = 0;
  for (const chunk of chunks(rows, batch)) {
    const { standardized, ids } = input.ids
      ? { standardized: await readLatents(latents.standardized, chunk), ids: await input.ids.tensor(chunk) }
      : await quantizeRows(quantizer, latents, chunk);
    const [quantized, rectified] = tf.tidy(() => {
      const estimate = dequantizeIds(codec, ids);
      return [meanSquaredError(standardized, estimate), meanSquaredError(standardized, rectifier.rectify(estimate))];
    }) as [Scalar, Scalar];
    quantizedSum += (await quantized.data())[0]! * chunk.length;
    rectifiedSum += (await rectified.data())[0]! * chunk.length;
    tf.dispose([standardized, ids, quantized, rectified]);
  }
  const count = Math.max(1, rows.length);
  return { quantized: quantizedSum / count, rectified: rectifiedSum / count };
}

async function quantizeRows(
  quantizer: Quantizer,
  latents: LatentSet,
  rows: Int32Array,
): Promise<{ standardized: Tensor4D; ids: Tensor2D }> {
  const batch = await readBatch(latents, rows);
  const ids = await quantizer.quantize(batch.coefficients);
  const standardized = tf.clone(batch.standardized);
  disposeBatch(batch);
  return { standardized, ids };
}

export function meanSquaredError(a: Tensor4D, b: Tensor4D): Scalar {
  return tf.tidy(() => tf.mean(tf.squaredDifference(a, b)) as Scalar);
}
