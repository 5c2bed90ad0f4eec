/**
 * The tfjs backend: keeps tensors, records kernels into a trace and runs the trace as one ONNX graph when somebody wants
 * to see numbers (or when it grows too long). Kernels themselves are graph builders in `kernels/`.
 *
 * Design: nothing runs at record time. `read` plans everything that live tensors still need, finds the session of that
 * structure (shapes and attributes; host values are fed, so a changing learning rate changes nothing) and runs it once.
 * Intermediate results that nobody holds any more never leave the graph.
 */
import { RevqError } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import { byteLengthOf, Graph, sizeOf, type Value } from "./graph/graph.js";
import { planGraph } from "./graph/plan.js";
import { SessionCache } from "./graph/session-cache.js";
import { repeatedTail } from "./graph/period.js";
import { BufferPool, type HostBuffer } from "./memory/buffer-pool.js";
import { defaultArenaBytes, type OnnxBackendOptions, type OnnxBackendStats } from "./options.js";
import { fromBytes, lostError, nativeTensor, newStorage, viewOf, type GraphDataType, type Storage } from "./storage.js";
import { createRuntime, type NativeTensor, type Runtime } from "./onnx/native.js";

export class OnnxBackend extends tf.KernelBackend {
  readonly graph = new Graph();
  readonly #data: tf.DataStorage<Storage>;
  readonly #pool: BufferPool;
  readonly #runtime: Runtime;
  readonly #sessions: SessionCache;
  readonly #options: Required<Pick<OnnxBackendOptions, "maxQueuedNodes" | "maxQueuedBytes">>;
  /** Storages whose contents are not computed yet, in order of recording. */
  readonly #pending = new Set<Storage>();
  /** Buffers that the trace reads: held until it has run. */
  #fed: HostBuffer[] = [];
  #fedBytes = 0;
  #trace = 0;
  #flushAt: number;
  /** While kernels are recorded into a model of their own nothing is run. */
  #tracing = false;
  readonly #counters = { flushes: 0, forcedFlushes: 0, runMs: 0, createMs: 0, planMs: 0 };

  constructor(options: OnnxBackendOptions = {}) {
    super();
    this.#options = {
      maxQueuedNodes: options.maxQueuedNodes ?? 4096,
      maxQueuedBytes: options.maxQueuedBytes ?? 2 ** 30,
    };
    this.#flushAt = this.#options.maxQueuedNodes;
    this.#runtime = createRuntime(options);
    this.#sessions = new SessionCache(
      this.#runtime,
      options.maxSessions ?? 64,
      options.maxArenaBytes ?? defaultArenaBytes(),
    );
    this.#pool = new BufferPool(options.maxPooledBytes ?? 2 ** 30);
    this.#data = new tf.DataStorage(this, tf.engine());
  }

  // ---- tensors, as tfjs asks for them ----

  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): object {
    const dataId = {};
    this.move(dataId, values, shape, dtype, 1);
    return dataId;
  }

  override move(
    dataId: object,
    values: tf.backend_util.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    refCount: number,
  ): void {
    if (dtype === "complex64")
      throw new RevqError("onnx-complex", "complex64 tensors are not supported by the onnx backend");
    const storage = newStorage(dtype, shape, refCount);
    if (dtype === "string") storage.strings = (values ?? []) as Uint8Array[];
    else storage.buffer = this.#copyIn(values as ArrayLike<number>, sizeOf(shape), dtype as GraphDataType);
    this.#data.set(dataId, storage);
  }

  override refCount(dataId: object): number {
    return this.#data.has(dataId) ? this.#data.get(dataId).references : 0;
  }

  override incRef(dataId: object): void {
    this.#data.get(dataId).references++;
  }

  override disposeData(dataId: object, force = false): boolean {
    if (!this.#data.has(dataId)) return true;
    const storage = this.#data.get(dataId);
    storage.references--;
    if (!force && storage.references > 0) return false;
    this.#pending.delete(storage);
    if (storage.buffer) this.#pool.release(storage.buffer);
    storage.buffer = null;
    this.#data.delete(dataId);
    return true;
  }

  override numDataIds(): number {
    return this.#data.numDataIds();
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: false };
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override timerAvailable(): boolean {
    return true;
  }

  override async time(run: () => void): Promise<tf.BackendTimingInfo> {
    this.flush();
    const start = performance.now();
    run();
    this.flush();
    return { kernelMs: performance.now() - start };
  }

  /** Runs the queue and returns a copy of the contents. */
  override readSync(dataId: object): tf.backend_util.BackendValues {
    const storage = this.#data.get(dataId);
    if (storage.strings) return storage.strings;
    if (storage.pending) this.flush();
    if (storage.lost) throw lostError(storage.lost);
    return viewOf(storage.buffer!, storage.dtype as GraphDataType, sizeOf(storage.shape)).slice() as Float32Array;
  }

  /** The same; then lets timers and I/O run, which a loop of resolved promises would starve. */
  override async read(dataId: object): Promise<tf.backend_util.BackendValues> {
    const values = this.readSync(dataId);
    await new Promise<void>((resolve) => setImmediate(resolve));
    return values;
  }

  override dispose(): void {
    this.graph.clear();
    this.#pending.clear();
    this.#sessions.clear();
    this.#pool.clear();
  }

  // ---- what kernels use ----

  /** The graph value of a kernel's input, in the input's own shape. */
  value(info: tf.TensorInfo): Value {
    const storage = this.#data.get(info.dataId);
    if (storage.strings)
      throw new RevqError("onnx-string", "string tensors can be kept but not computed with by the onnx backend");
    if (storage.viewsOf !== this.#trace) {
      storage.views = null;
      storage.viewsOf = this.#trace;
    }
    const key = info.shape.join(",");
    const known = storage.views?.get(key);
    if (known) return known;
    const value = this.#makeView(storage, info.shape);
    (storage.views ??= new Map()).set(key, value);
    return value;
  }

  /** A tensor for a graph value that a kernel made. */
  tensor(value: Value): tf.TensorInfo {
    if (value.type !== "float32" && value.type !== "int32" && value.type !== "bool")
      throw new Error(`a kernel returned ${value.type}`);
    const storage = newStorage(value.type, value.shape, 1);
    if (value.buffer) storage.buffer = this.#pool.retain(value.buffer);
    else if (value.constant)
      storage.buffer = this.#copyIn(fromBytes(value.constant.bytes, value.type), sizeOf(value.shape), value.type);
    else if (sizeOf(value.shape) === 0) storage.buffer = this.#pool.acquire(0);
    else {
      storage.pending = value;
      this.#pending.add(storage);
    }
    const dataId = {};
    this.#data.set(dataId, storage);
    return { dataId, shape: [...value.shape], dtype: value.type };
  }

  /** A value fed from the host: for numbers that change from step to step. */
  feed(values: ArrayLike<number>, shape: readonly number[], type: GraphDataType): Value {
    const buffer = this.#copyIn(values, sizeOf(shape), type);
    const value = this.#feedBuffer(buffer, shape, type);
    this.#pool.release(buffer);
    return value;
  }

  /** The same tensor under another shape (of the same size), sharing its contents. */
  alias(info: tf.TensorInfo, shape: readonly number[]): tf.TensorInfo {
    this.incRef(info.dataId);
    return { dataId: info.dataId, shape: [...shape], dtype: info.dtype };
  }

  /** Whether `kernels/blocked.ts` works on this processor; never in a model that others shall run. */
  get blockedConvolutions(): boolean {
    return this.#runtime.blockedConvolutions && !this.#tracing;
  }

  /** The contents of a float32 tensor, in place: runs the queue if they are not computed. Not to be changed, nor kept. */
  float32(info: tf.TensorInfo): Float32Array {
    const storage = this.#data.get(info.dataId);
    if (info.dtype !== "float32") throw new RevqError("onnx-dtype", `float32 is expected, got ${info.dtype}.`);
    if (storage.pending) this.flush();
    if (storage.lost) throw lostError(storage.lost);
    return viewOf(storage.buffer!, "float32", sizeOf(storage.shape)) as Float32Array;
  }

  /** Float32 tensors that `fill` computes on the host, at once. */
  computed(shapes: readonly (readonly number[])[], fill: (values: Float32Array[]) => void): tf.TensorInfo[] {
    const storages = shapes.map((shape) => {
      const storage = newStorage("float32", shape, 1);
      storage.buffer = this.#pool.acquire(byteLengthOf({ type: "float32", shape }));
      return storage;
    });
    fill(storages.map(({ buffer, shape }) => viewOf(buffer!, "float32", sizeOf(shape)) as Float32Array));
    return storages.map((storage) => {
      const dataId = {};
      this.#data.set(dataId, storage);
      return { dataId, shape: [...storage.shape], dtype: "float32" };
    });
  }

  /** Runs the queue now if it is full; called after each kernel. */
  flushIfFull(): void {
    if (this.#tracing) return;
    if (this.graph.nodes.length < this.#flushAt && this.#fedBytes < this.#options.maxQueuedBytes) return;
    const nodes = this.graph.nodes;
    this.#counters.forcedFlushes++;
    // A loop that never reads repeats the same operators. Flushing after whole rounds of it makes every flush alike, so
    // that from the second on the session is found in the cache.
    const period = repeatedTail(nodes.map((node) => node.op));
    this.flush();
    this.#flushAt =
      period > 0
        ? Math.max(1, Math.floor(this.#options.maxQueuedNodes / period)) * period
        : this.#options.maxQueuedNodes;
  }

  /** From here on kernels are recorded only, until `endTrace`; see `export/trace.ts`. */
  beginTrace(): void {
    this.flush();
    this.#tracing = true;
    this.graph.portable = true;
  }

  /** Forgets what was recorded; tensors that it would have computed are lost. */
  endTrace(): void {
    for (const storage of this.#pending) {
      storage.pending = null;
      storage.lost = readWhileTracing();
    }
    this.#tracing = false;
    this.graph.portable = false;
    this.#forgetTrace();
  }

  /** A tensor whose numbers are not there: an input of the model that is traced. */
  placeholder(shape: readonly number[], type: GraphDataType): { readonly info: tf.TensorInfo; readonly value: Value } {
    const storage = newStorage(type, shape, 1);
    const buffer = this.#pool.acquire(byteLengthOf({ type, shape }));
    const value = this.#feedBuffer(buffer, shape, type);
    this.#pool.release(buffer);
    storage.pending = value;
    const dataId = {};
    this.#data.set(dataId, storage);
    return { info: { dataId, shape: [...shape], dtype: type }, value };
  }

  /** Runs everything queued that a live tensor needs. Synchronous: it blocks the event loop for as long as it takes. */
  flush(): void {
    if (this.#tracing) throw readWhileTracing();
    if (this.graph.nodes.length === 0) return;
    try {
      const outputs = new Set([...this.#pending].map((storage) => storage.pending!));
      if (outputs.size > 0) this.#run([...outputs]);
    } catch (cause) {
      // The tensors of this trace are lost; later work is not.
      for (const storage of this.#pending) {
        storage.pending = null;
        storage.lost = cause;
      }
      throw new RevqError(
        "onnx-run",
        `ONNX Runtime could not run a graph of the onnx backend: ${(cause as Error).message}`,
        { cause },
      );
    } finally {
      this.#forgetTrace();
    }
  }

  #run(outputs: readonly Value[]): void {
    const planned = performance.now();
    const plan = planGraph(this.graph, outputs);
    const created = performance.now();
    const entry = this.#sessions.get(plan);
    const started = performance.now();
    const buffers = new Map<Value, HostBuffer>();
    const feeds: Record<string, NativeTensor> = {};
    const fetches: Record<string, NativeTensor> = {};
    plan.feeds.forEach((value, index) => (feeds[`i${index}`] = nativeTensor(value, value.buffer!)));
    plan.outputs.forEach((value, index) => {
      const buffer = this.#pool.acquire(byteLengthOf(value));
      buffers.set(value, buffer);
      fetches[plan.outputNames[index]!] = nativeTensor(value, buffer);
    });
    try {
      // A structure seen once may never come back: its arena is kept from the second run on.
      entry.session.run(feeds, fetches, entry.runs++ === 0);
      for (const storage of this.#pending) {
        storage.buffer = this.#pool.retain(buffers.get(storage.pending!)!);
        storage.pending = null;
      }
    } finally {
      for (const buffer of buffers.values()) this.#pool.release(buffer);
    }
    const counters = this.#counters;
    counters.flushes++;
    counters.planMs += created - planned;
    counters.createMs += started - created;
    counters.runMs += performance.now() - started;
  }

  #forgetTrace(): void {
    this.#pending.clear();
    this.graph.clear();
    for (const buffer of this.#fed) this.#pool.release(buffer);
    this.#fed = [];
    this.#fedBytes = 0;
    this.#trace++;
  }

  stats(): OnnxBackendStats {
    return {
      sessions: this.#sessions.size,
      hits: this.#sessions.hits,
      misses: this.#sessions.misses,
      evictions: this.#sessions.evictions,
      ...this.#counters,
      queuedNodes: this.graph.nodes.length,
      arenaBytes: this.#sessions.arenaBytes,
      aliveBytes: this.#pool.liveBytes,
      pooledBytes: this.#pool.freeBytes,
      threads: this.#runtime.threads,
      inPlaceOutputs: this.#runtime.inPlaceOutputs,
      blockedConvolutions: this.#runtime.blockedConvolutions,
    };
  }

  #makeView(storage: Storage, shape: readonly number[]): Value {
    if (storage.lost) throw lostError(storage.lost);
    if (!storage.pending) return this.#feedBuffer(storage.buffer!, shape, storage.dtype as GraphDataType);
    const value = storage.pending;
    if (value.shape.length === shape.length && value.shape.every((size, axis) => size === shape[axis])) return value;
    return this.graph.add("Reshape", [value, this.graph.int64(shape)], { type: value.type, shape: [...shape] });
  }

  #feedBuffer(buffer: HostBuffer, shape: readonly number[], type: GraphDataType): Value {
    this.#fed.push(this.#pool.retain(buffer));
    this.#fedBytes += buffer.data.byteLength;
    return { type, shape: [...shape], buffer };
  }

  /** Host numbers are copied at once: the caller may reuse its array, and nothing runs before the next read. */
  #copyIn(values: ArrayLike<number> | null, size: number, type: GraphDataType): HostBuffer {
    const bytes = byteLengthOf({ type, shape: [size] });
    const buffer = this.#pool.acquire(bytes);
    const view = viewOf(buffer, type, size) as Float32Array;
    if (values) view.set(values);
    else view.fill(0);
    return buffer;
  }
}

function readWhileTracing(): RevqError {
  return new RevqError(
    "onnx-trace-read",
    "Numbers were asked for that are not there: this computation leaves the tensor engine half-way, so it cannot become one ONNX model.",
  );
}
