/**
 * The queue of recorded operators: it runs them as one ONNX graph when contents are read or when it
 * is full. While a model is traced it only records.
 */
import { RevqError } from "@revq/core";
import { byteLengthOf, Graph, type Value } from "./graph/graph.js";
import { planGraph } from "./graph/plan.js";
import { repeatedTail } from "./graph/period.js";
import type { SessionCache } from "./graph/session-cache.js";
import type { BufferPool, HostBuffer } from "./memory/buffer-pool.js";
import type { NativeTensor } from "./onnx/native.js";
import { nativeTensor, type GraphDataType, type Storage } from "./storage.js";

export interface QueueLimits {
  /** Operators. */
  readonly maxQueuedNodes: number;
  /** Bytes of host buffers that the queue reads. */
  readonly maxQueuedBytes: number;
}

export class TraceQueue {
  readonly graph = new Graph();
  /** Storages without contents yet, in the order of recording. */
  readonly pending = new Set<Storage>();
  readonly counters = { flushes: 0, forcedFlushes: 0, runMs: 0, createMs: 0, planMs: 0 };
  /** Buffers that the trace reads: held until it has run. */
  #fed: HostBuffer[] = [];
  #fedBytes = 0;
  #trace = 0;
  #flushAt: number;
  /** While a model is traced, nothing runs. */
  #tracing = false;

  constructor(
    private readonly pool: BufferPool,
    private readonly sessions: SessionCache,
    private readonly limits: QueueLimits,
  ) {
    this.#flushAt = limits.maxQueuedNodes;
  }

  /** The number of the current trace: graph values are valid in their own trace only. */
  get trace(): number {
    return this.#trace;
  }

  get tracing(): boolean {
    return this.#tracing;
  }

  /** A graph value with the contents of a host buffer. */
  feed(buffer: HostBuffer, shape: readonly number[], type: GraphDataType): Value {
    this.#fed.push(this.pool.retain(buffer));
    this.#fedBytes += buffer.data.byteLength;
    return { type, shape: [...shape], buffer };
  }

  /** Runs the queue if it is full. Called after each kernel. */
  flushIfFull(): void {
    if (this.#tracing) return;
    if (this.graph.nodes.length < this.#flushAt && this.#fedBytes < this.limits.maxQueuedBytes) return;
    const nodes = this.graph.nodes;
    this.counters.forcedFlushes++;
    // A loop that never reads repeats the same operators. Flushing after whole rounds makes all
    // flushes alike, so that the cache has the session from the second one on.
    const period = repeatedTail(nodes.map((node) => node.op));
    this.flush();
    this.#flushAt =
      period > 0 ? Math.max(1, Math.floor(this.limits.maxQueuedNodes / period)) * period : this.limits.maxQueuedNodes;
  }

  /** Starts to record only, until `endTrace`; see `export/trace.ts`. */
  beginTrace(): void {
    this.flush();
    this.#tracing = true;
    this.graph.portable = true;
  }

  /** Forgets the records. Tensors that they would have computed are lost. */
  endTrace(): void {
    for (const storage of this.pending) {
      storage.pending = null;
      storage.lost = readWhileTracing();
    }
    this.#tracing = false;
    this.graph.portable = false;
    this.#forgetTrace();
  }

  /** Runs all queued operators that live tensors need. Synchronous: it blocks the event loop. */
  flush(): void {
    if (this.#tracing) throw readWhileTracing();
    if (this.graph.nodes.length === 0) return;
    try {
      const outputs = new Set([...this.pending].map((storage) => storage.pending!));
      if (outputs.size > 0) this.#run([...outputs]);
    } catch (cause) {
      // The tensors of this trace are lost. Later work is not affected.
      for (const storage of this.pending) {
        storage.pending = null;
        storage.lost = cause;
      }
      throw new RevqError("onnx-run", `ONNX Runtime could not run a graph: ${(cause as Error).message}`, { cause });
    } finally {
      this.#forgetTrace();
    }
  }

  #run(outputs: readonly Value[]): void {
    const planned = performance.now();
    const plan = planGraph(this.graph, outputs);
    const created = performance.now();
    const entry = this.sessions.get(plan);
    const started = performance.now();
    const buffers = new Map<Value, HostBuffer>();
    const feeds: Record<string, NativeTensor> = {};
    const fetches: Record<string, NativeTensor> = {};
    plan.feeds.forEach((value, index) => (feeds[`i${index}`] = nativeTensor(value, value.buffer!)));
    plan.outputs.forEach((value, index) => {
      const buffer = this.pool.acquire(byteLengthOf(value));
      buffers.set(value, buffer);
      fetches[plan.outputNames[index]!] = nativeTensor(value, buffer);
    });
    try {
      // The first run may be the only one of this structure: keep its arena from the second run on.
      entry.session.run(feeds, fetches, entry.runs++ === 0);
      for (const storage of this.pending) {
        storage.buffer = this.pool.retain(buffers.get(storage.pending!)!);
        storage.pending = null;
      }
    } finally {
      for (const buffer of buffers.values()) this.pool.release(buffer);
    }
    const counters = this.counters;
    counters.flushes++;
    counters.planMs += created - planned;
    counters.createMs += started - created;
    counters.runMs += performance.now() - started;
  }

  #forgetTrace(): void {
    this.pending.clear();
    this.graph.clear();
    for (const buffer of this.#fed) this.pool.release(buffer);
    this.#fed = [];
    this.#fedBytes = 0;
    this.#trace++;
  }
}

function readWhileTracing(): RevqError {
  return new RevqError(
    "onnx-trace-read",
    "This computation reads tensor values on the host, so it cannot become one ONNX model.",
    { fix: "Use tensor operations alone between the input and the output." },
  );
}
