/**
 * The tfjs backend. It keeps tensors and records kernels into a queue (`trace-queue.ts`), which
 * runs as one ONNX graph when contents are read or when it is full. The kernels in `kernels/` build
 * the graph.
 *
 * Recording runs nothing. `read` plans the operators that live tensors need, looks up the session
 * with this structure (shapes and attributes) and runs it once. Host values are fed, so a new
 * learning rate keeps the structure. Intermediate results without a live tensor never leave the
 * graph.
 */
import { RevqError } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import { byteLengthOf, sizeOf, type Graph, type Value } from "./graph/graph.js";
import { SessionCache } from "./graph/session-cache.js";
import { BufferPool, type HostBuffer } from "./memory/buffer-pool.js";
import { defaultArenaBytes, type OnnxBackendOptions, type OnnxBackendStats } from "./options.js";
import { fromBytes, lostError, newStorage, viewOf, type GraphDataType, type Storage } from "./storage.js";
import { createRuntime, type Runtime } from "./onnx/native.js";
import { TraceQueue } from "./trace-queue.js";

export class OnnxBackend extends tf.KernelBackend {
  readonly #data: tf.DataStorage<Storage>;
  readonly #pool: BufferPool;
  readonly #runtime: Runtime;
  readonly #sessions: SessionCache;
  readonly #queue: TraceQueue;

  constructor(options: OnnxBackendOptions = {}) {
    super();
    this.#runtime = createRuntime(options);
    this.#sessions = new SessionCache(
      this.#runtime,
      options.maxSessions ?? 64,
      options.maxArenaBytes ?? defaultArenaBytes(),
    );
    this.#pool = new BufferPool(options.maxPooledBytes ?? 2 ** 30);
    this.#queue = new TraceQueue(this.#pool, this.#sessions, {
      maxQueuedNodes: options.maxQueuedNodes ?? 16384,
      maxQueuedBytes: options.maxQueuedBytes ?? 2 ** 30,
    });
    this.#data = new tf.DataStorage(this, tf.engine());
  }

  // ---- tfjs's interface ----

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
      throw new RevqError("onnx-complex", "The onnx backend does not support complex64 tensors.");
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
    this.#queue.pending.delete(storage);
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

  /** Like `readSync`; then lets timers and I/O run. (Resolved promises alone would starve them.) */
  override async read(dataId: object): Promise<tf.backend_util.BackendValues> {
    const values = this.readSync(dataId);
    await new Promise<void>((resolve) => setImmediate(resolve));
    return values;
  }

  override dispose(): void {
    this.graph.clear();
    this.#queue.pending.clear();
    this.#sessions.clear();
    this.#pool.clear();
  }

  // ---- for kernels ----

  get graph(): Graph {
    return this.#queue.graph;
  }

  /** Runs the queue if it is full. Called after each kernel. */
  flushIfFull(): void {
    this.#queue.flushIfFull();
  }

  /**
   * Runs all queued operators that live tensors need. Synchronous: it blocks the event loop.
   */
  flush(): void {
    this.#queue.flush();
  }

  /** Starts to record only, until `endTrace`; see `export/trace.ts`. */
  beginTrace(): void {
    this.#queue.beginTrace();
  }

  /** Forgets the records. Tensors that they would have computed are lost. */
  endTrace(): void {
    this.#queue.endTrace();
  }

  /** The graph value of a kernel's input, in the input's own shape. */
  value(info: tf.TensorInfo): Value {
    const storage = this.#data.get(info.dataId);
    if (storage.strings)
      throw new RevqError("onnx-string", "The onnx backend stores string tensors but cannot compute with them.");
    if (storage.viewsOf !== this.#queue.trace) {
      storage.views = null;
      storage.viewsOf = this.#queue.trace;
    }
    const key = info.shape.join(",");
    const known = storage.views?.get(key);
    if (known) return known;
    const value = this.#makeView(storage, info.shape);
    (storage.views ??= new Map()).set(key, value);
    return value;
  }

  /** A tensor for the graph value of a kernel. */
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
      this.#queue.pending.add(storage);
    }
    const dataId = {};
    this.#data.set(dataId, storage);
    return { dataId, shape: [...value.shape], dtype: value.type };
  }

  /** A value fed from the host, for values that change between steps. */
  feed(values: ArrayLike<number>, shape: readonly number[], type: GraphDataType): Value {
    const buffer = this.#copyIn(values, sizeOf(shape), type);
    const value = this.#queue.feed(buffer, shape, type);
    this.#pool.release(buffer);
    return value;
  }

  /** The tensor with another shape of the same size; shares its contents. */
  alias(info: tf.TensorInfo, shape: readonly number[]): tf.TensorInfo {
    this.incRef(info.dataId);
    return { dataId: info.dataId, shape: [...shape], dtype: info.dtype };
  }

  /** Whether `kernels/blocked.ts` works on this processor. False while a model is traced. */
  get blockedConvolutions(): boolean {
    return this.#runtime.blockedConvolutions && !this.#queue.tracing;
  }

  /** A view of a float32 tensor's contents. Runs the queue if needed. Do not change or keep it. */
  float32(info: tf.TensorInfo): Float32Array {
    const storage = this.#data.get(info.dataId);
    if (info.dtype !== "float32") throw new RevqError("onnx-dtype", `Expected float32; got ${info.dtype}.`);
    if (storage.pending) this.flush();
    if (storage.lost) throw lostError(storage.lost);
    return viewOf(storage.buffer!, "float32", sizeOf(storage.shape)) as Float32Array;
  }

  /** Float32 tensors that `fill` computes on the host, immediately. */
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

  /** A tensor without contents: the input of a traced model. */
  placeholder(shape: readonly number[], type: GraphDataType): { readonly info: tf.TensorInfo; readonly value: Value } {
    const storage = newStorage(type, shape, 1);
    const buffer = this.#pool.acquire(byteLengthOf({ type, shape }));
    const value = this.#queue.feed(buffer, shape, type);
    this.#pool.release(buffer);
    storage.pending = value;
    const dataId = {};
    this.#data.set(dataId, storage);
    return { info: { dataId, shape: [...shape], dtype: type }, value };
  }

  stats(): OnnxBackendStats {
    return {
      sessions: this.#sessions.size,
      hits: this.#sessions.hits,
      misses: this.#sessions.misses,
      evictions: this.#sessions.evictions,
      ...this.#queue.counters,
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
    if (!storage.pending) return this.#queue.feed(storage.buffer!, shape, storage.dtype as GraphDataType);
    const value = storage.pending;
    if (value.shape.length === shape.length && value.shape.every((size, axis) => size === shape[axis])) return value;
    return this.graph.add("Reshape", [value, this.graph.int64(shape)], { type: value.type, shape: [...shape] });
  }

  /** Copies values immediately: callers may reuse their array before the queue runs. */
  #copyIn(values: ArrayLike<number> | null, size: number, type: GraphDataType): HostBuffer {
    const bytes = byteLengthOf({ type, shape: [size] });
    const buffer = this.#pool.acquire(bytes);
    const view = viewOf(buffer, type, size) as Float32Array;
    if (values) view.set(values);
    else view.fill(0);
    return buffer;
  }
}
