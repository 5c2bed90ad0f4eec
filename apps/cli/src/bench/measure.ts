/** How the benchmarks of `revq bench` take time and memory. */
import { RevqError } from "@revq/core";
import type { Engine } from "@revq/engine";

/** The middle value; of an even number of values the upper of the two in the middle. At least one value. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

/** Milliseconds until what `work` promises has come. */
export async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Median milliseconds of `repeats` calls, after `warmUp` that do not count: the first calls compile graphs and shaders. */
export async function medianMs(
  work: () => Promise<unknown>,
  repeats: number,
  { warmUp = 2, signal }: { readonly warmUp?: number; readonly signal?: AbortSignal } = {},
): Promise<number> {
  const times: number[] = [];
  for (let call = -warmUp; call < repeats; call++) {
    signal?.throwIfAborted();
    const ms = await milliseconds(work);
    if (call >= 0) times.push(ms);
  }
  return median(times);
}

/** The largest resident memory that this process had so far. */
export function peakRssMiB(): number {
  return process.resourceUsage().maxRSS / 1024;
}

/** Bytes of GPU buffers, pooled ones included; null for an engine without a GPU of its own. */
export function gpuBytes(engine: Engine): number | null {
  return engine.info().gpuBytes ?? null;
}

/** @throws RevqError `engine-cannot-train`, exit code 3 */
export function requireTraining(engine: Engine): void {
  if (engine.trains) return;
  throw new RevqError("engine-cannot-train", `The engine ${engine.id} cannot train.`, {
    fix: "Leave out --engine, or see `revq doctor`.",
    exitCode: 3,
  });
}
