/**
 * The `wasm` engine: runs the tasks of a search on worker threads. Small searches, and all searches
 * without shared memory, run on this thread.
 */
import { RevqError } from "@revq/core";
import { createYielder } from "../event-loop.js";
import type { NearestResult, SearchOptions } from "../search-options.js";
import type { NearestLayout } from "../shape.js";
import { searchCosts } from "./costs.js";
import { kernelModule } from "./kernel.js";
import { blockUntilDone, canBlock, canShare, defaultThreads, nextReport, postTask } from "./pool.js";
import { createRunner, type Runner } from "./runner.js";
import { slabs } from "./slabs.js";
import type { SearchTask } from "./task.js";

/**
 * Below so many estimated nanoseconds of work to share, waking workers costs more than it saves.
 */
const smallSearch = 2e6;
/** At most so many queries in one job on this thread: some tenths of a second. */
const maxJobQueries = 2 ** 22;

let ownRunner: Runner | undefined;

export function wasmRuns(): boolean {
  return kernelModule() !== null;
}

function requireKernel(): WebAssembly.Module {
  const module = kernelModule();
  if (module) return module;
  throw new RevqError("wasm-missing", "This environment has no WebAssembly with SIMD.", {
    fix: 'Use the engine "reference".',
  });
}

function threadsFor(layout: NearestLayout, options: SearchOptions, mayShare: boolean): number {
  if (!mayShare) return 1;
  const { samples, groups, tokens, codes, dim } = layout;
  const threads = Math.max(1, Math.floor(options.threads ?? defaultThreads()));
  const { brute, tree, int16, pack } = searchCosts(codes, dim);
  // Runners of one group each prepare its codes: that work is not shared.
  const shared = samples * tokens * Math.min(brute, tree, int16) + (groups >= threads ? groups * pack : 0);
  return shared < smallSearch ? 1 : threads;
}

export async function searchWasm(
  layout: NearestLayout,
  latents: Float32Array,
  codebooks: Float32Array,
  result: NearestResult,
  options: SearchOptions,
): Promise<void> {
  const module = requireKernel();
  const threads = threadsFor(layout, options, canShare());
  const step = createYielder(options.signal);
  const queries = layout.samples * layout.tokens;
  let before = 0;
  for (const { task, finish } of slabs(layout, latents, codebooks, result, options, threads)) {
    const jobs = (task.tokenStart.length - 1) * task.chunks;
    const inTask = task.samples * task.tokens;
    const report = (): void =>
      options.onProgress?.(before + Math.floor((inTask * Atomics.load(task.control, 4)) / jobs), queries);
    if (threads === 1) {
      ownRunner ??= createRunner(module);
      while (!ownRunner(task, 15)) {
        report();
        await step();
      }
    } else {
      options.signal?.throwIfAborted();
      postTask(module, task);
      const stop = (): void => void Atomics.store(task.control, 2, 1);
      options.signal?.addEventListener("abort", stop);
      while (Atomics.load(task.control, 1) < task.runners) {
        await nextReport(100);
        report();
      }
      options.signal?.removeEventListener("abort", stop);
    }
    options.signal?.throwIfAborted();
    requireSuccess(task);
    finish();
    before += inTask;
    options.onProgress?.(before, queries);
  }
}

export function searchWasmSync(
  layout: NearestLayout,
  latents: Float32Array,
  codebooks: Float32Array,
  result: NearestResult,
  options: SearchOptions,
): void {
  const module = requireKernel();
  const threads = threadsFor(layout, options, canBlock());
  for (const { task, finish } of slabs(layout, latents, codebooks, result, options, threads)) {
    if (threads === 1) {
      ownRunner ??= createRunner(module);
      ownRunner(task, Infinity);
    } else {
      postTask(module, task);
      blockUntilDone(task);
    }
    requireSuccess(task);
    finish();
  }
}

/** Whether a whole group goes to one runner, in place. That runner can then move its codes too. */
export function movesClusters(layout: NearestLayout, options: SearchOptions): boolean {
  const threads = threadsFor(layout, options, canShare());
  const largest = layout.samples * Math.max(...layout.tokensOf.map((list) => list.length));
  return layout.grouped && (threads === 1 ? largest <= maxJobQueries : layout.groups >= 4 * threads);
}

function requireSuccess({ control, codes, dim }: SearchTask): void {
  if (Atomics.load(control, 3) === 0) return;
  throw new RevqError("nearest-memory", `A worker ran out of memory with ${codes} codes of ${dim} elements.`, {
    fix: "Use fewer threads or fewer codes.",
  });
}
