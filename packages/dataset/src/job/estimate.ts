/** What a data set will take, measured on a few images. */
import type { ReportProgress } from "@revq/core";
import { formatOf } from "../formats/index.js";
import type { DatasetPlan } from "./plan.js";
import { contentOf, planTokenize, type TokenizeInput } from "./tokenize.js";

export interface DatasetEstimate {
  readonly plan: DatasetPlan;
  readonly images: number;
  readonly samples: number;
  /** Of all files with samples; compressed formats may differ. */
  readonly bytes: number;
  /** Of one process that makes all shards. */
  readonly seconds: number;
  readonly imagesPerSecond: number;
  /** Images that were measured. */
  readonly measured: number;
}

/** Measuring ends after so many milliseconds. */
const enough = 2000;

/** @throws RevqError as `tokenizeDataset`; nothing is written */
export async function estimateDataset(
  input: TokenizeInput,
  batch: number,
  { signal, report }: { readonly signal: AbortSignal; readonly report: ReportProgress },
): Promise<DatasetEstimate> {
  const { plan } = await planTokenize(input);
  const { source, vocabulary, labels } = input;
  const { count } = plan.images;
  const context = { plan, vocabulary, classNames: labels?.names ?? null };
  let measured = 0;
  let milliseconds = 0;
  let bytes = 0;
  let samples = 0;
  for (let from = 0; from < count && milliseconds < enough; from += batch) {
    const to = Math.min(count, from + batch);
    const started = performance.now();
    const range = await source.encode(from, to, { signal, onBatch: () => {} });
    signal.throwIfAborted();
    const content = await contentOf(range, input);
    const files = formatOf(plan.format).write(content, 0, context);
    const taken = performance.now() - started;
    report({ phase: "measure", done: to, total: 0 });
    bytes += files.reduce((sum, { data }) => sum + data.length, 0);
    samples += content.keys.length;
    // The first batch starts the engine.
    if (from === 0 && to < count) continue;
    milliseconds += taken;
    measured += to - from;
  }
  const imagesPerSecond = (1000 * measured) / milliseconds;
  const all = count * plan.crops;
  return {
    plan,
    images: count,
    samples: all,
    bytes: samples === 0 ? 0 : Math.round((bytes * all) / samples),
    seconds: count / imagesPerSecond,
    imagesPerSecond,
    measured,
  };
}
