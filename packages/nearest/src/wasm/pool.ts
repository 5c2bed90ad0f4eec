/**
 * Worker threads that run search tasks: `node:worker_threads` in Node, Web Workers in browsers.
 * Both start from a source text, so that sources, builds and bundles work alike. They start on
 * first use, are kept, and do not keep a process alive.
 */
import { createRunner } from "./runner.js";
import type { SearchTask } from "./task.js";

interface PoolWorker {
  readonly worker: {
    postMessage(message: unknown): void;
    terminate(): unknown;
    ref?(): void;
    unref?(): void;
  };
  /** Tasks without a report yet. */
  busy: number;
  /** Whether it has the kernel. */
  ready: boolean;
}

interface NodeBuiltins {
  "node:worker_threads": {
    Worker: new (
      source: string,
      options: object,
    ) => PoolWorker["worker"] & { on(event: string, listener: (value: never) => void): void };
  };
  "node:os": { availableParallelism(): number };
}

/**
 * A Node built-in; undefined in browsers. Without `import`, which bundlers for browsers would see.
 */
function builtin<Name extends keyof NodeBuiltins>(name: Name): NodeBuiltins[Name] | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  return process?.getBuiltinModule?.(name) as NodeBuiltins[Name] | undefined;
}

/** Default number of threads: one a core, at most 16. */
export function defaultThreads(): number {
  const cores =
    builtin("node:os")?.availableParallelism() ??
    (globalThis as { navigator?: { hardwareConcurrency?: number } }).navigator?.hardwareConcurrency ??
    1;
  return Math.max(1, Math.min(16, cores));
}

/** Whether workers can share memory here; in browsers only on cross-origin isolated pages. */
export function canShare(): boolean {
  if (typeof SharedArrayBuffer === "undefined") return false;
  if (builtin("node:worker_threads")) return true;
  const scope = globalThis as { crossOriginIsolated?: boolean; Worker?: unknown };
  return scope.crossOriginIsolated === true && scope.Worker !== undefined;
}

/** Whether this thread may block until workers are done: true in Node, false in browsers. */
export function canBlock(): boolean {
  return canShare() && builtin("node:worker_threads") !== undefined;
}

const workers: PoolWorker[] = [];
let waiting: (() => void)[] = [];

/** Some bundlers wrap functions in `__name`. */
const workerSource = (): string => `
const __name = (value) => value;
const node = typeof require === "function";
const port = node ? require("node:worker_threads").parentPort : self;
const createRunner = ${createRunner.toString()};
let run;
const handle = ({ module, task }) => {
  try {
    run ??= createRunner(module);
    run(task, Infinity);
  } catch (error) {
    Atomics.add(task.control, 3, 1);
    Atomics.store(task.control, 2, 1);
  }
  Atomics.add(task.control, 1, 1);
  Atomics.notify(task.control, 4);
  port.postMessage("done");
};
if (node) port.on("message", handle);
else port.onmessage = (event) => handle(event.data);
`;

function reported(entry: PoolWorker): void {
  entry.busy--;
  if (entry.busy === 0) entry.worker.unref?.();
  const woken = waiting;
  waiting = [];
  for (const wake of woken) wake();
}

function startWorker(): PoolWorker {
  const threads = builtin("node:worker_threads");
  if (threads) {
    const worker = new threads.Worker(workerSource(), { eval: true });
    const entry: PoolWorker = { worker, busy: 0, ready: false };
    worker.on("message", () => reported(entry));
    worker.unref?.();
    return entry;
  }
  const scope = globalThis as unknown as {
    Worker: new (url: string) => PoolWorker["worker"] & { onmessage: (() => void) | null };
  };
  const worker = new scope.Worker(URL.createObjectURL(new Blob([workerSource()], { type: "text/javascript" })));
  const entry: PoolWorker = { worker, busy: 0, ready: false };
  worker.onmessage = () => reported(entry);
  return entry;
}

/** Posts a task to so many workers. All its arrays must be shared. */
export function postTask(module: WebAssembly.Module, task: SearchTask, count: number): void {
  while (workers.length < count) workers.push(startWorker());
  for (const entry of workers.slice(0, count)) {
    if (entry.busy++ === 0) entry.worker.ref?.();
    entry.worker.postMessage(entry.ready ? { task } : { module, task });
    entry.ready = true;
  }
}

/**
 * Whether the jobs of a task are done that so many workers share. A worker that was late for all
 * of them may be yet to report. It leaves the task's arrays alone.
 */
export function isDone({ control, tokenStart, chunks }: SearchTask, workers: number): boolean {
  return Atomics.load(control, 4) === (tokenStart.length - 1) * chunks || Atomics.load(control, 1) >= workers;
}

/** Watches a task for about the time of a job: a worker's report comes later. */
export function spinUntilDone(task: SearchTask, workers: number, ms: number): boolean {
  const end = performance.now() + ms;
  while (!isDone(task, workers)) if (performance.now() > end) return false;
  return true;
}

/** Resolves when a worker reports, or after `ms`. */
export function nextReport(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    waiting.push(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Blocks until the jobs of a task are done that so many workers share. */
export function blockUntilDone(task: SearchTask, workers: number): void {
  for (;;) {
    const done = Atomics.load(task.control, 4);
    if (isDone(task, workers)) return;
    Atomics.wait(task.control, 4, done, 20);
  }
}

/**
 * Ends the worker threads. The next search starts new ones. No search may be running.
 *
 * @example
 * const shape = { samples: 1, groups: 1, codes: 2, dim: 1 };
 * await nearestCodes(Float32Array.of(3), Float32Array.of(0, 4), shape);
 * await closeWorkers();
 * const { indices } = await nearestCodes(Float32Array.of(3), Float32Array.of(0, 4), shape);
 * indices; // => [1]
 */
export async function closeWorkers(): Promise<void> {
  await Promise.all(workers.splice(0).map(({ worker }) => worker.terminate()));
}
