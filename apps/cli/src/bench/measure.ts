/** Measures time and memory for `revq bench`. */
import { RevqError } from "@revq/core";
import type { Engine } from "@revq/engine";

/** The middle value, or the upper of the two middle values. At least one value. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

/** Milliseconds until the promise of `work` is fulfilled. */
export async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Median milliseconds of `repeats` calls. `warmUp` calls before them do not count: they compile graphs and shaders. */
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

/** Peak resident memory of this process so far. */
export function peakRssMiB(): number {
  return process.resourceUsage().maxRSS / 1024;
}

/** Bytes of GPU buffers, pooled ones included; null for an engine without a GPU of its own. */
export function gpuBytes(engine: Engine): number | null {
  return engine.info().gpuBytes ?? null;
}

/** @throws RevqError `engine-cannot-train` */
export function requireTraining(engine: Engine): void {
  if (engine.trains) return;
  throw new RevqError("engine-cannot-train", `The engine ${engine.id} cannot train.`, {
    fix: "Leave out --engine, or see `revq doctor`.",
  });
}
