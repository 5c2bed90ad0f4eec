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
import {
  blockUntilDone,
  canBlock,
  canShare,
  defaultThreads,
  isDone,
  nextReport,
  postTask,
  spinUntilDone,
} from "./pool.js";
import { createRunner, type Runner } from "./runner.js";
import { slabs } from "./slabs.js";
import type { SearchTask } from "./task.js";

/**
 * Below so many estimated nanoseconds of work to share, waking workers costs more than it saves.
 */
const smallSearch = 1e6;
/**
 * Below so many for each thread, this thread takes its share and one worker less is woken. Above,
 * it only waits and stays responsive.
 */
const shortSearch = 2e7;
/** Milliseconds to watch the last jobs of such a search, before waiting for a report. */
const lastJobs = 0.5;
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

/** How many workers to wake: all threads, or all but this one. */
function workersFor({ samples, groups, tokens, codes, dim }: NearestLayout, threads: number): number {
  const { brute, tree, int16, pack, sort } = searchCosts(codes, dim);
  const work = samples * tokens * Math.min(brute, tree, int16) + groups * (pack + sort);
  return threads === 1 || work / threads < shortSearch ? threads - 1 : threads;
}

/** Works on a task in this thread: until no job is left (true) or for about `budgetMs` (false). */
function runHere(module: WebAssembly.Module, task: SearchTask, budgetMs: number): boolean {
  try {
    ownRunner ??= createRunner(module);
    return ownRunner(task, budgetMs);
  } catch {
    Atomics.add(task.control, 3, 1);
    Atomics.store(task.control, 2, 1);
    return true;
  }
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
  const workers = workersFor(layout, threads);
  const step = createYielder(); // an abort stops the task, and no worker may write after that
  const queries = layout.samples * layout.tokens;
  let before = 0;
  for (const { task, finish } of slabs(layout, latents, codebooks, result, options, threads)) {
    const jobs = (task.tokenStart.length - 1) * task.chunks;
    const inTask = task.samples * task.tokens;
    const report = (): void =>
      options.onProgress?.(before + Math.floor((inTask * Atomics.load(task.control, 4)) / jobs), queries);
    options.signal?.throwIfAborted();
    if (workers > 0) postTask(module, task, workers);
    const stop = (): void => void Atomics.store(task.control, 2, 1);
    options.signal?.addEventListener("abort", stop);
    try {
      if (workers < threads) {
        while (!runHere(module, task, 15)) {
          report();
          await step();
        }
      }
      if (workers > 0 && !(workers < threads && spinUntilDone(task, workers, lastJobs))) {
        while (!isDone(task, workers)) {
          await nextReport(100);
          report();
        }
      }
    } finally {
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
    if (threads > 1) postTask(module, task, threads - 1);
    runHere(module, task, Infinity);
    if (threads > 1) blockUntilDone(task, threads - 1);
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
