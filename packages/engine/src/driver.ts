/**
 * What an engine's driver is: one object a backend, in `drivers/`, all alike. A driver registers its backend under
 * `backendName` and throws a `RevqError` when it cannot be had here; choosing, checking and disposing is done by others.
 */
import type { AdapterDescription, EngineId, EngineInfo } from "./engine.js";
import type { EngineProbes } from "./probes.js";

export interface StartContext {
  readonly probes: EngineProbes;
  /** True when the user named this engine: software GPUs are refused only when nobody asked for one. */
  readonly named: boolean;
  readonly wasmPath: string | undefined;
  readonly threads: number | undefined;
  readonly onNote: (note: string) => void;
}

/** A backend that is registered with tfjs and ready to be made the current one. */
export interface StartedBackend {
  readonly backendName: string;
  readonly adapter?: AdapterDescription;
  /** Runs once the backend is the current one, before it is checked: missing kernels are added here. */
  prepare?(): void | Promise<void>;
  /** For the user, after the backend is up: "WebAssembly (SIMD, 1 thread)". */
  describe(): string;
  /** What `Engine.info` adds to the count of tensors. */
  info?(): Partial<EngineInfo>;
  /** Runs after the backend was removed. */
  release?(): void;
}

export interface EngineDriver {
  readonly id: EngineId;
  readonly trains: boolean;
  start(context: StartContext): Promise<StartedBackend>;
}
