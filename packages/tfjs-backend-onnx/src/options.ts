/** Options and statistics of the backend. */
import { totalmem } from "node:os";
import type { RuntimeOptions } from "./onnx/native.js";

/** Options of `registerOnnxBackend`. The defaults suit a training loop. */
export interface OnnxBackendOptions extends RuntimeOptions {
  /** Maximum of kept sessions (default 64). The least recently used is dropped first. */
  readonly maxSessions?: number;
  /**
   * Maximum of estimated bytes in the working memory of all kept sessions. Default: a sixteenth of
   * the machine's memory, at most 6 GiB. Beyond it, the least recently used sessions are dropped. A
   * single graph that needs more still runs.
   */
  readonly maxArenaBytes?: number;
  /** Maximum of queued operators (default 16384). A full queue runs without a read. */
  readonly maxQueuedNodes?: number;
  /** Maximum of bytes in host buffers that the queue keeps alive (default 1 GiB). */
  readonly maxQueuedBytes?: number;
  /** Maximum of bytes in freed buffers that are kept for reuse (default 1 GiB). */
  readonly maxPooledBytes?: number;
}

/** Counters since the start of the backend. Bytes are those of tensor contents. */
export interface OnnxBackendStats {
  readonly sessions: number;
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  /** Runs of graphs; `forcedFlushes` of them because the queue was full. */
  readonly flushes: number;
  readonly forcedFlushes: number;
  readonly runMs: number;
  readonly createMs: number;
  readonly planMs: number;
  readonly queuedNodes: number;
  readonly aliveBytes: number;
  /** Estimated working memory of the kept sessions. */
  readonly arenaBytes: number;
  readonly pooledBytes: number;
  readonly threads: number;
  readonly inPlaceOutputs: boolean;
  readonly blockedConvolutions: boolean;
}

/**
 * A sixteenth of the machine's memory, at most 6 GiB: arenas may be twice as large as estimated.
 */
export function defaultArenaBytes(): number {
  return Math.min(6 * 2 ** 30, totalmem() / 16);
}
