/**
 * A least-recently-used cache of sessions by structure key. It limits the number of sessions and
 * their estimated memory: a session keeps the arena of its intermediate tensors between runs.
 */
import type { Runtime, Session } from "../onnx/native.js";
import type { Plan } from "./plan.js";
import { sizeOf } from "./graph.js";

export interface CachedSession {
  readonly session: Session;
  /** Estimated bytes of its arena. */
  readonly arenaBytes: number;
  runs: number;
}

/** Graphs with fewer written elements run on the calling thread alone. */
const SMALL_ELEMENTS = 1 << 16;

export class SessionCache {
  readonly #sessions = new Map<string, CachedSession>();
  #arenaBytes = 0;
  hits = 0;
  misses = 0;
  evictions = 0;

  constructor(
    private readonly runtime: Runtime,
    private readonly maxSessions: number,
    private readonly maxArenaBytes: number,
  ) {}

  /** Estimated bytes of all arenas. */
  get arenaBytes(): number {
    return this.#arenaBytes;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** The session for a plan; created if there is none. */
  get(plan: Plan): CachedSession {
    const found = this.#sessions.get(plan.key);
    if (found) {
      this.hits++;
      this.#sessions.delete(plan.key);
      this.#sessions.set(plan.key, found);
      return found;
    }
    this.misses++;
    const arenaBytes = plan.peakBytes();
    while (
      this.#sessions.size > 0 &&
      (this.#sessions.size >= this.maxSessions || this.#arenaBytes + arenaBytes > this.maxArenaBytes)
    )
      this.#evictOldest();
    const input = plan.feeds.reduce((sum, feed) => sum + sizeOf(feed.shape), 0);
    const session = this.runtime.createSession(plan.buildModel(), plan.elements + input < SMALL_ELEMENTS);
    const entry: CachedSession = { session, arenaBytes, runs: 0 };
    this.#arenaBytes += arenaBytes;
    this.#sessions.set(plan.key, entry);
    return entry;
  }

  clear(): void {
    for (const { session } of this.#sessions.values()) session.dispose();
    this.#sessions.clear();
    this.#arenaBytes = 0;
  }

  #evictOldest(): void {
    const [key, entry] = this.#sessions.entries().next().value!;
    entry.session.dispose();
    this.#sessions.delete(key);
    this.#arenaBytes -= entry.arenaBytes;
    this.evictions++;
  }
}
