/**
 * The one door to ONNX Runtime: creates sessions and runs them, synchronously and into buffers of ours.
 *
 * The public API of onnxruntime-node wraps a synchronous native call in a promise and copies every output into a fresh
 * ArrayBuffer, preallocated ones too. Both cost: `dataSync()` would be impossible, and the copies are a third of a
 * training step's memory traffic. So this module calls the binding underneath (`onnxruntime-node/dist/binding.js`; the
 * dependency is pinned to one minor version for that reason) and lets ONNX Runtime write into preallocated outputs. The
 * copy is left out because each model's first output is a bfloat16 "sentinel": the binding converts outputs in order,
 * after the run, and refuses that type, so nothing behind it is copied. `createRuntime` proves on a small model that the
 * results arrive; where they do not, it takes the copying way.
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

/** What the binding reads of a tensor. */
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

/** How sessions are made; see `OnnxBackendOptions` for the meaning of each. */
export interface RuntimeOptions {
  /** Threads inside one operator; default: every core. */
  readonly threads?: number;
  /** Merged over the session options of each session (onnxruntime's `InferenceSession.SessionOptions`). */
  readonly sessionOptions?: Readonly<Record<string, unknown>>;
}

export interface Session {
  /** Runs the model; the outputs are written into `outputs`. With `shrink` the session's arena is given back afterwards. */
  run(
    inputs: Readonly<Record<string, NativeTensor>>,
    outputs: Readonly<Record<string, NativeTensor>>,
    shrink: boolean,
  ): void;
  dispose(): void;
}

export interface Runtime {
  /** True when outputs are written in place, false when the binding copies them. */
  readonly inPlaceOutputs: boolean;
  /** Whether convolutions on blocked channels work here; they exist for processors that ONNX Runtime has kernels for. */
  readonly blockedConvolutions: boolean;
  readonly threads: number;
  /** `small` models get one thread: waking a pool costs more than they do. */
  createSession(model: Model, small: boolean): Session;
}

const SENTINEL: ModelInitializer = { name: "sentinel", type: "bfloat16", shape: [1], bytes: new Uint8Array(2) };
const SENTINEL_REFUSED = "Tensor type (16) is not supported";

/** Loads the native library. Throws `RevqError` "onnxruntime-missing" where it cannot be loaded. */
export function createRuntime(options: RuntimeOptions = {}): Runtime {
  const native = loadBinding();
  const threads = options.threads ?? availableParallelism();
  const create = (model: Model, small: boolean, inPlace: boolean): Session =>
    openSession(native, model, sessionOptions(small ? 1 : threads, options.sessionOptions), inPlace);
  const inPlaceOutputs = writesInPlace(create);
  const createSession: Runtime["createSession"] = (model, small) => create(model, small, inPlaceOutputs);
  return { inPlaceOutputs, blockedConvolutions: convolvesBlocks(createSession), threads, createSession };
}

function loadBinding(): NativeBinding {
  const require = createRequire(import.meta.url);
  try {
    const native = require("onnxruntime-node/dist/binding.js") as NativeBinding;
    native.initOrt();
    return native;
  } catch (cause) {
    throw new RevqError(
      "onnxruntime-missing",
      `onnxruntime-node could not be loaded for ${process.platform} ${process.arch}: ${String(cause)}`,
      {
        fix: "Install onnxruntime-node 1.30 (its binaries for Linux, macOS and Windows come in the package; `npm_config_onnxruntime_node_install=skip` avoids its CUDA download).",
        exitCode: 3,
        cause,
      },
    );
  }
}

function sessionOptions(threads: number, extra: Readonly<Record<string, unknown>> | undefined): object {
  return {
    graphOptimizationLevel: "all",
    executionMode: "sequential",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    enableCpuMemArena: true,
    enableMemPattern: true,
    // What goes wrong is thrown; the log would only repeat it.
    logSeverityLevel: 4,
    extra: { session: { intra_op: { allow_spinning: "0" } } },
    ...extra,
  };
}

const SHRINK = { logSeverityLevel: 4, extra: { memory: { enable_memory_arena_shrinkage: "cpu:0" } } };
const KEEP = { logSeverityLevel: 4 };

function openSession(native: NativeBinding, model: Model, options: object, inPlace: boolean): Session {
  const complete = inPlace
    ? { ...model, outputs: [SENTINEL, ...model.outputs], initializers: [SENTINEL, ...model.initializers] }
    : model;
  const bytes = encodeModel(complete);
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

/** Shifts an image of 32 channels by one row with a depthwise filter; true when it arrives. */
function convolvesBlocks(create: Runtime["createSession"]): boolean {
  const [channels, size] = [32, 3];
  const numbers = channels * size * size;
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
  const x = Float32Array.from({ length: numbers }, (_, i) => i + 1);
  const filter = new Float32Array(numbers).fill(1, channels, 2 * channels); // the tap one row above
  const y = new Float32Array(numbers);
  try {
    const session = create(model, true);
    session.run({ x: tensor(x), f: tensor(filter) }, { y: tensor(y) }, false);
    session.dispose();
    return y.every((found, i) => found === (i < row ? 0 : x[i - row]));
  } catch {
    return false;
  }
}

/** Runs y = x + x twice with different x; true when the preallocated output holds the right sums. */
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
