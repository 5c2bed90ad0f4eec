/**
 * The `wasm` engine: cuts a search into tasks of bounded size and runs them on worker threads, or on this thread when the search
 * is small or memory cannot be shared.
 */
import { RevqError } from "@revq/core";
import { createYielder } from "../event-loop.js";
import type { NearestResult, SearchOptions } from "../nearest-codes.js";
import { nextOrder } from "../search-memory.js";
import type { NearestLayout } from "../shape.js";
import { isShared, sharedFloat32, sharedInt32 } from "../shared-memory.js";
import { searchCosts } from "./costs.js";
import { kernelModule } from "./kernel.js";
import { blockUntilDone, canBlock, canShare, defaultThreads, nextReport, postTask } from "./pool.js";
import { createRunner, type Runner } from "./runner.js";
import type { SearchTask } from "./task.js";

/** Copies into shared memory are made this many numbers at a time: 128 MiB. */
const slabNumbers = 2 ** 25;
/** Below so many estimated nanoseconds of work that can be shared, waking workers costs more than it saves. */
const smallSearch = 2e6;
/** Most queries that this thread searches without coming up for air: some tenths of a second. */
const largestJob = 2 ** 22;
/** Queries in a job when a group is shared by several runners or the thread must come up for air. */
const jobQueries = 2048;

let ownRunner: Runner | undefined;
let taskCount = 0;

export function wasmRuns(): boolean {
  return kernelModule() !== null;
}

function requireKernel(): WebAssembly.Module {
  const module = kernelModule();
  if (module) return module;
  throw new RevqError("wasm-missing", "This environment has no WebAssembly with SIMD.", {
    fix: 'Use engine: "reference".',
    exitCode: 3,
  });
}

function threadsFor(layout: NearestLayout, options: SearchOptions, mayShare: boolean): number {
  if (!mayShare) return 1;
  const { samples, groups, tokens, codes, dim } = layout;
  const threads = Math.max(1, Math.floor(options.threads ?? defaultThreads()));
  const { brute, tree, sift, pack } = searchCosts(codes, dim);
  // Runners that share a group make its codes ready each for itself: that is not shared work.
  const shared = samples * tokens * Math.min(brute, tree, sift) + (groups >= threads ? groups * pack : 0);
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

/** Whether groups go to runners whole, and in place: the runner that has a group can then move its codes too. */
export function movesCells(layout: NearestLayout, options: SearchOptions): boolean {
  const threads = threadsFor(layout, options, canShare());
  const largest = layout.samples * Math.max(...layout.tokensOf.map((list) => list.length));
  return layout.grouped && (threads === 1 ? largest <= largestJob : layout.groups >= 4 * threads);
}

function requireSuccess({ control, codes, dim }: SearchTask): void {
  if (Atomics.load(control, 3) === 0) return;
  throw new RevqError(
    "nearest-memory",
    `A worker could not search in ${codes} codes of ${dim} numbers: it ran out of memory.`,
    {
      fix: "Use fewer threads or fewer codes.",
    },
  );
}

interface Slab {
  readonly task: SearchTask;
  /** Moves the answers to where they belong. */
  finish(): void;
}

/** The search in tasks whose copies are bounded. Arrays that this thread alone reads, or that are shared already, are not copied. */
function* slabs(
  layout: NearestLayout,
  latents: Float32Array,
  codebooks: Float32Array,
  result: NearestResult,
  options: SearchOptions,
  threads: number,
): Generator<Slab> {
  const { samples, groups, codes, dim, tokens, tokensOf } = layout;
  const inPlace = threads === 1;
  const costs = searchCosts(codes, dim);
  const memory = options.memory ? nextOrder(options.memory, layout) : null;
  const codebooksStay = inPlace || isShared(codebooks);
  const dataStay =
    inPlace || layout.grouped || (isShared(latents) && isShared(result.indices) && isShared(result.distances));
  const groupStep = codebooksStay ? groups : Math.max(1, Math.min(groups, Math.floor(slabNumbers / (codes * dim))));

  for (let firstGroup = 0; firstGroup < groups; firstGroup += groupStep) {
    const slabGroups = Math.min(groupStep, groups - firstGroup);
    const lists = tokensOf.slice(firstGroup, firstGroup + slabGroups);
    const all = slabGroups === groups;
    const listed = concat(lists);
    const slabTokens = listed.length;
    if (slabTokens === 0) continue;
    const numbers = firstGroup * codes * dim;
    const ownCodebooks = codebooks.subarray(numbers, numbers + slabGroups * codes * dim);
    const taskCodebooks = codebooksStay ? ownCodebooks : copyShared(ownCodebooks);
    const tokenStart = starts(lists);
    const sampleStep = dataStay
      ? Math.max(1, samples)
      : Math.max(1, Math.floor(slabNumbers / (slabTokens * (dim + 2))));

    for (let first = 0; first < samples; first += sampleStep) {
      const count = Math.min(sampleStep, samples - first);
      const rows = new Rows(first, count, tokens, all ? null : listed);
      const staged = !dataStay;
      const task: SearchTask = {
        id: taskCount++,
        samples: count,
        tokens: staged ? slabTokens : tokens,
        codes,
        dim,
        grouped: layout.grouped,
        tokenList: staged && !all ? Int32Array.from(listed, (_, i) => i) : listed,
        tokenStart,
        latents: staged ? rows.gather(latents, sharedFloat32(count * slabTokens * dim), dim) : latents,
        codebooks: taskCodebooks,
        indices: staged ? sharedInt32(count * slabTokens) : result.indices,
        distances: staged ? sharedFloat32(count * slabTokens) : result.distances,
        guessed: options.guess !== undefined,
        method: options.method ?? "auto",
        costs,
        order: memory && memory.order.subarray(firstGroup * codes, (firstGroup + slabGroups) * codes),
        ready: memory && memory.ready.subarray(firstGroup, firstGroup + slabGroups),
        moves: options.moves ?? null,
        chunks:
          options.moves || (!inPlace && slabGroups >= 4 * threads)
            ? 1
            : Math.max(1, Math.ceil((count * slabTokens) / slabGroups / jobQueries)),
        runners: threads,
        control: inPlace ? new Int32Array(5) : sharedInt32(5),
      };
      if (options.guess) {
        if (staged) rows.gather(options.guess, task.indices, 1);
        else if (options.guess !== result.indices) result.indices.set(options.guess);
        if (options.trusted !== true) requireCodes(task.indices, codes);
      }
      yield {
        task,
        finish() {
          if (!staged) return;
          rows.scatter(task.indices, result.indices);
          rows.scatter(task.distances, result.distances);
        },
      };
    }
  }
}

function requireCodes(guess: Int32Array, codes: number): void {
  for (let i = 0; i < guess.length; i++) {
    if (guess[i]! < codes && guess[i]! >= 0) continue;
    throw new RevqError("nearest-guess", `\`guess\` holds ${guess[i]}, but there are ${codes} codes.`);
  }
}

/** Which rows of `[samples, tokens]` a slab holds: some samples, and of each all tokens or those listed. */
class Rows {
  constructor(
    private readonly first: number,
    private readonly count: number,
    private readonly tokens: number,
    private readonly listed: Int32Array | null,
  ) {}

  gather<T extends Float32Array | Int32Array>(from: T, to: T, dim: number): T {
    const { first, count, tokens, listed } = this;
    if (!listed) {
      to.set(from.subarray(first * tokens * dim, (first + count) * tokens * dim));
      return to;
    }
    let at = 0;
    for (let sample = first; sample < first + count; sample++) {
      for (let t = 0; t < listed.length; t++) {
        const row = (sample * tokens + listed[t]!) * dim;
        for (let i = 0; i < dim; i++) to[at++] = from[row + i]!;
      }
    }
    return to;
  }

  scatter<T extends Float32Array | Int32Array>(from: T, to: T): void {
    const { first, count, tokens, listed } = this;
    if (!listed) {
      to.set(from, first * tokens);
      return;
    }
    let at = 0;
    for (let sample = first; sample < first + count; sample++) {
      for (let t = 0; t < listed.length; t++) to[sample * tokens + listed[t]!] = from[at++]!;
    }
  }
}

function copyShared(values: Float32Array): Float32Array {
  const copy = sharedFloat32(values.length);
  copy.set(values);
  return copy;
}

function concat(lists: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(lists.reduce((sum, list) => sum + list.length, 0));
  let at = 0;
  for (const list of lists) {
    all.set(list, at);
    at += list.length;
  }
  return all;
}

function starts(lists: readonly Int32Array[]): Int32Array {
  const at = new Int32Array(lists.length + 1);
  lists.forEach((list, i) => (at[i + 1] = at[i]! + list.length));
  return at;
}
