/** What can be asked of the backend and what it tells about itself. */
import { totalmem } from "node:os";
import type { RuntimeOptions } from "./onnx/native.js";

/** Options of `registerOnnxBackend`; every default suits a training loop. */
export interface OnnxBackendOptions extends RuntimeOptions {
  /** Sessions kept at most (default 64); the least recently used is dropped. */
  readonly maxSessions?: number;
  /**
   * Bytes that the working memories of the kept sessions may hold together, by estimate (default: a sixteenth of the machine's
   * memory, 6 GiB at most); the least recently used sessions are dropped beyond it. One graph that needs more still runs.
   */
  readonly maxArenaBytes?: number;
  /** Operators queued at most before they are run unasked (default 4096). */
  readonly maxQueuedNodes?: number;
  /** Bytes of host buffers that the queue may keep from being freed before it is run unasked (default 1 GiB). */
  readonly maxQueuedBytes?: number;
  /** Bytes of freed buffers kept for reuse at most (default 1 GiB). */
  readonly maxPooledBytes?: number;
}

/** What the backend did since it was made; bytes are of tensors' contents. */
export interface OnnxBackendStats {
  readonly sessions: number;
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  /** Graphs run; of these, `forcedFlushes` because the queue was full. */
  readonly flushes: number;
  readonly forcedFlushes: number;
  readonly runMs: number;
  readonly createMs: number;
  readonly planMs: number;
  readonly queuedNodes: number;
  readonly aliveBytes: number;
  /** Working memory that the kept sessions hold, by estimate. */
  readonly arenaBytes: number;
  readonly pooledBytes: number;
  readonly threads: number;
  readonly inPlaceOutputs: boolean;
  readonly blockedConvolutions: boolean;
}

/** A sixteenth of the machine's memory, 6 GiB at most: arenas hold up to twice what is estimated, and others want memory too. */
export function defaultArenaBytes(): number {
  return Math.min(6 * 2 ** 30, totalmem() / 16);
}
