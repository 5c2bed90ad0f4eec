/**
 * Types of engines. An engine is a tfjs backend that was started, checked and made the current one.
 */
import type { EngineId } from "./engine-ids.js";
import type { EngineProbes } from "./probes.js";

export { engineIds, type EngineId } from "./engine-ids.js";

/** Why `auto` skipped an engine. */
export interface EngineRefusal {
  readonly id: EngineId;
  /** One sentence on what is missing or broken. */
  readonly reason: string;
  /** What the user can do about it. */
  readonly fix?: string;
}

/** The GPU adapter behind `webgpu`. */
export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  /** For users: the driver's own text, if any. */
  readonly description: string;
  /** True for SwiftShader, llvmpipe and other drivers that compute on the CPU. */
  readonly software: boolean;
  /** Enabled optional features of WebGPU, such as `shader-f16`. */
  readonly features: readonly string[];
  /** The device's limits, in bytes or counts. */
  readonly limits: Readonly<Record<string, number>>;
}

/** The current memory of an engine. */
export interface EngineInfo {
  /** The tfjs backend's name. */
  readonly backend: string;
  readonly tensors: number;
  /** Bytes of all live tensors, by their shapes and dtypes. */
  readonly tensorBytes: number;
  /** Bytes of GPU buffers, pooled ones included. */
  readonly gpuBytes?: number;
  /**
   * Bytes of host memory held for tensors: `wasm`'s heap, which never shrinks, or `onnx`'s buffers,
   * pooled ones included.
   */
  readonly heapBytes?: number;
  /** Threads that compute. */
  readonly threads?: number;
}

export interface Engine {
  readonly id: EngineId;
  /** One line for the user: "onnx: ONNX Runtime on the CPU (2 threads)". */
  readonly description: string;
  /** True if it has every gradient that revq's models need. In Node they come with `@tensorflow/tfjs-layers`. */
  readonly trains: boolean;
  readonly adapter?: AdapterDescription;
  /** The engines that `auto` tried before this one; empty for a named engine. */
  readonly refused: readonly EngineRefusal[];
  info(): EngineInfo;
  /** Removes the backend with all its tensors; `cpu` stays registered. May be called twice. */
  dispose(): void;
}

export interface EngineOptions {
  /** Default `auto`. */
  readonly engine?: EngineId | "auto";
  /** Called with a sentence for every engine that is skipped, and for other details. */
  readonly onNote?: (note: string) => void;
  /** In browsers: the URL of the folder with tfjs-backend-wasm's `.wasm` files. Node needs none. */
  readonly wasmPath?: string;
  /** Threads of `onnx`; default: one a core. The other engines ignore it. */
  readonly threads?: number;
  /** Queries of the machine, which tests replace. */
  readonly probes?: Partial<EngineProbes>;
}
