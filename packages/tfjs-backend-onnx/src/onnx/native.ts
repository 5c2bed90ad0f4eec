/**
 * The only access to ONNX Runtime: creates sessions and runs them synchronously, into given
 * buffers.
 *
 * The public API of onnxruntime-node wraps a synchronous native call in a promise and copies every
 * output into a new ArrayBuffer, even preallocated ones. `dataSync()` would be impossible, and the
 * copies are a third of a training step's memory traffic. So this module calls the binding directly
 * (`onnxruntime-node/dist/binding.js`; the dependency is pinned to one minor version), and ONNX
 * Runtime writes into preallocated outputs. Each model's first output is a bfloat16 "sentinel",
 * which prevents the copy: the binding converts outputs in order after the run and refuses that
 * type. `createRuntime` checks with a small model that the results arrive; otherwise outputs are
 * copied.
 */
import { RevqError } from "@revq/core";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import {
  BLOCKED_DOMAIN,
  encodeModel,
  type Model,
  type ModelInitializer,
  type ModelValue,
  type OnnxType,
} from "./model.js";

export type TypedArray = Float32Array | Int32Array | Uint8Array | BigInt64Array;

/** A tensor for the binding. */
export interface NativeTensor {
  readonly type: OnnxType;
  readonly data: TypedArray;
  readonly dims: readonly number[];
  readonly location: "cpu";
}

interface NativeSession {
  loadModel(buffer: ArrayBufferLike, byteOffset: number, byteLength: number, options: object): void;
  run(feeds: object, fetches: object, options: object): Record<string, { readonly data: TypedArray }>;
  dispose(): void;
  endProfiling(): void;
}

interface NativeBinding {
  readonly binding: { InferenceSession: new () => NativeSession };
  initOrt(): void;
}

/** Options of sessions. */
export interface RuntimeOptions {
  /** Threads inside one operator; default: one a core. */
  readonly threads?: number;
  /**
   * `webgpu`: graphs run on the GPU that Dawn finds (ONNX Runtime's WebGPU execution provider, which the binary of
   * onnxruntime-node 1.30 contains), and operators that it lacks on the CPU. Tensors stay in the host's memory between
   * graphs. Default: `cpu`.
   */
  readonly provider?: "cpu" | "webgpu";
  /** Further options of each session (onnxruntime's `InferenceSession.SessionOptions`). */
  readonly sessionOptions?: Readonly<Record<string, unknown>>;
}

export interface Session {
  /** Runs the model into `outputs`. `shrink` then frees the session's arena. */
  run(
    inputs: Readonly<Record<string, NativeTensor>>,
    outputs: Readonly<Record<string, NativeTensor>>,
    shrink: boolean,
  ): void;
  dispose(): void;
}

export interface Runtime {
  /** True if ONNX Runtime writes outputs in place; false if the binding copies them. */
  readonly inPlaceOutputs: boolean;
  /** Whether ONNX Runtime has convolutions on blocked channels for this processor. */
  readonly blockedConvolutions: boolean;
  readonly threads: number;
  /** `small` models get one thread: they cost less than waking a pool. */
  createSession(model: Model, small: boolean): Session;
}

const SENTINEL: ModelInitializer = { name: "sentinel", type: "bfloat16", shape: [1], bytes: new Uint8Array(2) };
const SENTINEL_REFUSED = "Tensor type (16) is not supported";

/** Loads the native library. Throws `onnxruntime-missing` if it does not load. */
export function createRuntime(options: RuntimeOptions = {}): Runtime {
  const native = loadBinding();
  const threads = options.threads ?? availableParallelism();
  const create = (model: Model, small: boolean, inPlace: boolean): Session =>
    openSession(native, model, sessionOptions(small ? 1 : threads, options), inPlace);
  const inPlaceOutputs = writesInPlace(create);
  const createSession: Runtime["createSession"] = (model, small) => create(model, small, inPlaceOutputs);
  // Blocked channels are a layout of the CPU.
  const blockedConvolutions = options.provider !== "webgpu" && convolvesBlocks(createSession);
  return { inPlaceOutputs, blockedConvolutions, threads, createSession };
}

const bindingFile = "onnxruntime-node/dist/binding.js";

function loadBinding(): NativeBinding {
  const require = createRequire(import.meta.url);
  try {
    const native = require(bindingFile) as NativeBinding;
    native.initOrt();
    return native;
  } catch (cause) {
    const missing = (cause as { code?: unknown }).code === "MODULE_NOT_FOUND" && String(cause).includes(bindingFile);
    throw new RevqError(
      "onnxruntime-missing",
      missing
        ? "onnxruntime-node is not installed."
        : `onnxruntime-node does not load for ${process.platform} ${process.arch}: ${String(cause)}`,
      {
        fix:
          "Install onnxruntime-node 1.30, which contains its binaries. " +
          "Set `npm_config_onnxruntime_node_install=skip` to avoid its CUDA download.",
        cause,
      },
    );
  }
}

interface SessionOptions {
  readonly executionProviders: readonly (string | object)[];
  readonly [option: string]: unknown;
}

function sessionOptions(threads: number, { provider = "cpu", sessionOptions: extra }: RuntimeOptions): SessionOptions {
  return {
    executionProviders: provider === "cpu" ? ["cpu"] : [provider, "cpu"],
    graphOptimizationLevel: "all",
    executionMode: "sequential",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    enableCpuMemArena: true,
    enableMemPattern: true,
    // Errors are thrown; the log would only repeat them.
    logSeverityLevel: 4,
    extra: { session: { intra_op: { allow_spinning: "0" } } },
    ...extra,
  };
}

const SHRINK = { logSeverityLevel: 4, extra: { memory: { enable_memory_arena_shrinkage: "cpu:0" } } };
const KEEP = { logSeverityLevel: 4 };

/** The WebGPU provider takes max pooling with indices, of which its gradient is made, and then has none: that is for the CPU. */
function withoutIndicesOnGpu(model: Model, options: SessionOptions): { model: Model; options: SessionOptions } {
  const nodes = model.nodes.map((node, i) =>
    node.op === "MaxPool" && node.outputs.length > 1 ? { ...node, name: `pool_${i}` } : node,
  );
  const forceCpuNodeNames = nodes.flatMap(({ name }) => name ?? []);
  if (forceCpuNodeNames.length === 0) return { model, options };
  const executionProviders = options.executionProviders.map((id) =>
    id === "webgpu" ? { name: id, forceCpuNodeNames } : id,
  );
  return { model: { ...model, nodes }, options: { ...options, executionProviders } };
}

function openSession(native: NativeBinding, given: Model, settings: SessionOptions, inPlace: boolean): Session {
  const { model, options } = settings.executionProviders.includes("webgpu")
    ? withoutIndicesOnGpu(given, settings)
    : { model: given, options: settings };
  const whole = inPlace
    ? { ...model, outputs: [SENTINEL, ...model.outputs], initializers: [SENTINEL, ...model.initializers] }
    : model;
  const bytes = encodeModel(whole);
  const session = new native.binding.InferenceSession();
  session.loadModel(bytes.buffer, bytes.byteOffset, bytes.byteLength, options);
  return {
    run(inputs, outputs, shrink) {
      if (!inPlace) {
        const results = session.run(inputs, outputs, shrink ? SHRINK : KEEP);
        for (const [name, tensor] of Object.entries(outputs))
          (tensor.data as Uint8Array).set(results[name]!.data as Uint8Array);
        return;
      }
      try {
        session.run(inputs, { sentinel: null, ...outputs }, shrink ? SHRINK : KEEP);
      } catch (error) {
        if (error instanceof Error && error.message.startsWith(SENTINEL_REFUSED)) return;
        throw error;
      }
      throw new Error("onnxruntime-node returned normally where the sentinel output should have stopped it");
    },
    dispose: () => session.dispose(),
  };
}

/** Whether a blocked depthwise convolution shifts an image of 32 channels by one row. */
function convolvesBlocks(create: Runtime["createSession"]): boolean {
  const [channels, size] = [32, 3];
  const elements = channels * size * size;
  const value = (name: string): ModelValue => ({ name, type: "float32", shape: [1, size, size, channels] });
  const domain = BLOCKED_DOMAIN;
  const reorder = { op: "ReorderInput", domain, attributes: { channels_last: 1 } };
  const attributes = { kernel_shape: [3, 3], strides: [1, 1], dilations: [1, 1], pads: [1, 1, 1, 1], group: channels };
  const shape = new BigInt64Array([BigInt(channels), 1n, 3n, 3n]);
  const model: Model = {
    nodes: [
      { ...reorder, inputs: ["x"], outputs: ["xb"] },
      { ...reorder, inputs: ["f"], outputs: ["f1"] },
      { op: "Reshape", domain: "", inputs: ["f1", "shape"], outputs: ["fb"], attributes: {} },
      { op: "Conv", domain, inputs: ["xb", "fb"], outputs: ["yb"], attributes },
      { op: "ReorderOutput", domain, inputs: ["yb"], outputs: ["y"], attributes: { channels, channels_last: 1 } },
    ],
    inputs: [value("x"), value("f")],
    outputs: [value("y")],
    initializers: [{ name: "shape", type: "int64", shape: [4], bytes: new Uint8Array(shape.buffer) }],
  };
  const tensor = (data: Float32Array): NativeTensor => ({
    type: "float32",
    data,
    dims: [1, size, size, channels],
    location: "cpu",
  });
  const row = size * channels;
  const x = Float32Array.from({ length: elements }, (_, i) => i + 1);
  const filter = new Float32Array(elements).fill(1, channels, 2 * channels); // the tap one row above
  const y = new Float32Array(elements);
  try {
    const session = create(model, true);
    session.run({ x: tensor(x), f: tensor(filter) }, { y: tensor(y) }, false);
    session.dispose();
    return y.every((found, i) => found === (i < row ? 0 : x[i - row]));
  } catch {
    return false;
  }
}

/** Runs y = x + x twice with different x. True if the preallocated output holds the right sums. */
function writesInPlace(create: (model: Model, small: boolean, inPlace: boolean) => Session): boolean {
  const value = (name: string): ModelValue => ({ name, type: "float32", shape: [2] });
  const model: Model = {
    nodes: [{ op: "Add", domain: "", inputs: ["x", "x"], outputs: ["y"], attributes: {} }],
    inputs: [value("x")],
    outputs: [value("y")],
    initializers: [],
  };
  try {
    const session = create(model, true, true);
    const ok = [3, 5].every((number) => {
      const x: NativeTensor = { type: "float32", data: new Float32Array([number, 1]), dims: [2], location: "cpu" };
      const y: NativeTensor = { type: "float32", data: new Float32Array(2), dims: [2], location: "cpu" };
      session.run({ x }, { y }, false);
      return y.data[0] === 2 * number && y.data[1] === 2;
    });
    session.dispose();
    return ok;
  } catch {
    return false;
  }
}
