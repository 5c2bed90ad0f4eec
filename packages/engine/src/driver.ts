/**
 * The interface of drivers: one object for each backend, in `drivers/`. A driver registers its
 * backend under `backendName`, or throws a `RevqError` if the backend does not work here.
 * `create-engine.ts` chooses, checks and disposes.
 */
import type { AdapterDescription, EngineId, EngineInfo } from "./engine.js";
import type { EngineProbes } from "./probes.js";

export interface StartContext {
  readonly probes: EngineProbes;
  /**
   * True if the user named this engine. `auto` refuses software GPUs, a named engine accepts them.
   */
  readonly named: boolean;
  readonly wasmPath: string | undefined;
  readonly threads: number | undefined;
  readonly onNote: (note: string) => void;
}

/** A backend that is registered with tfjs and can become the current one. */
export interface StartedBackend {
  readonly backendName: string;
  readonly adapter?: AdapterDescription;
  /** Runs when the backend is the current one, before the check. Adds missing kernels. */
  prepare?(): void | Promise<void>;
  /** For the user, once the backend runs: "WebAssembly (1 thread)". */
  describe(): string;
  /** Further entries of `Engine.info`. */
  info?(): Partial<EngineInfo>;
  /** Runs after the removal of the backend. */
  release?(): void;
}

export interface EngineDriver {
  readonly id: EngineId;
  readonly trains: boolean;
  /** It loads native code, which can end the process. */
  readonly native?: boolean;
  start(context: StartContext): Promise<StartedBackend>;
}
