/** Measures a tokenizer on latents. */
import type { LatentSource, ReportProgress } from "@revq/core";
import type { TokenPrior } from "@revq/metrics";
import type { Tokenizer } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { measuredShape, summarizeMetrics, type MeasuredTokenizer, type MetricAccumulators } from "./accumulators.js";
import type { MeasuredRange } from "./image-accumulator.js";
import { LatentMetricsAccumulator } from "./latent-accumulator.js";
import { chunks, measuringBatch, readLatents } from "./latent-batches.js";

export interface EvaluateOptions {
  /** Images or latents at a time. */
  readonly batch: number;
  readonly signal: AbortSignal;
  readonly report?: ReportProgress;
  /** Set when the source is a part of the data; default: all of it. */
  readonly range?: MeasuredRange;
  /** Fitted on the training ids. Default: half of the data is coded by a prior of the other half. */
  readonly prior?: TokenPrior;
}

export async function evaluateLatents(
  tokenizer: Tokenizer,
  latents: LatentSource,
  options: EvaluateOptions,
): Promise<MeasuredTokenizer> {
  return summarizeMetrics(await accumulateLatents(tokenizer, latents, options));
}

export async function accumulateLatents(
  tokenizer: Tokenizer,
  latents: LatentSource,
  { batch, signal, report, range = { expected: latents.count, first: 0 }, prior }: EvaluateOptions,
): Promise<MetricAccumulators> {
  const accumulator = new LatentMetricsAccumulator(measuredShape(tokenizer), range, prior);
  for (const rows of chunks(latents.count, Math.min(batch, measuringBatch(latents)))) {
    signal.throwIfAborted();
    const values = await readLatents(latents, rows);
    const ids = await accumulator.add(tokenizer, values);
    tf.dispose([values, ids]);
    report?.({ phase: "evaluate", done: rows[rows.length - 1]! + 1, total: latents.count });
  }
  return { latents: accumulator, images: null };
}
