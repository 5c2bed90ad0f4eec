/** What an engine is: a tfjs backend that was brought up, checked and made the current one. Types only. */
import type { EngineProbes } from "./probes.js";

/** In the order in which `auto` tries them. */
export const engineIds = ["webgpu", "node-gpu", "node", "onnx", "wasm", "cpu"] as const;
export type EngineId = (typeof engineIds)[number];

/** Why an engine was passed over. */
export interface EngineRefusal {
  readonly id: EngineId;
  /** One sentence: what is missing or broken. */
  readonly reason: string;
  /** What the user can do about it. */
  readonly fix?: string;
}

/** The GPU adapter behind `webgpu`. */
export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  /** For people: the driver's own words where there are any. */
  readonly description: string;
  /** SwiftShader, llvmpipe and the like: computes on the CPU. */
  readonly software: boolean;
  /** Optional WebGPU features that were switched on, such as `shader-f16`. */
  readonly features: readonly string[];
  /** The limits that were asked for and granted, in bytes or counts. */
  readonly limits: Readonly<Record<string, number>>;
}

/** What an engine holds now. */
export interface EngineInfo {
  /** The tfjs backend's name. */
  readonly backend: string;
  readonly tensors: number;
  /** Bytes of all live tensors, by their shapes and dtypes. */
  readonly tensorBytes: number;
  /** Bytes of GPU buffers, pooled ones included. */
  readonly gpuBytes?: number;
  /** Bytes of host memory held for tensors: `wasm`'s heap, which never shrinks, or `onnx`'s buffers, pooled ones included. */
  readonly heapBytes?: number;
  /** Worker threads that compute. */
  readonly threads?: number;
}

export interface Engine {
  readonly id: EngineId;
  /** One line for the user: what was chosen and why. */
  readonly description: string;
  /** True when every gradient that revq's models need exists. */
  readonly trains: boolean;
  readonly adapter?: AdapterDescription;
  /** The engines that `auto` tried before this one; empty when the engine was named. */
  readonly refused: readonly EngineRefusal[];
  info(): EngineInfo;
  /** Removes the backend with all its tensors (`cpu` stays, it holds nothing). Calling it twice is allowed. */
  dispose(): void;
}

export interface EngineOptions {
  /** Default `auto`. */
  readonly engine?: EngineId | "auto";
  /** Hears a sentence whenever an engine is passed over, and other things worth a `--verbose` line. */
  readonly onNote?: (note: string) => void;
  /** In browsers: the URL of the folder with tfjs-backend-wasm's `.wasm` files. Node finds them by itself. */
  readonly wasmPath?: string;
  /** Threads that compute, for `onnx`; default: every core. The other engines choose by themselves. */
  readonly threads?: number;
  /** What is asked of the machine; tests pass their own. */
  readonly probes?: Partial<EngineProbes>;
}
