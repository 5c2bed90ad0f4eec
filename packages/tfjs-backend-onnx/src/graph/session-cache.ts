/**
 * Sessions by structure key, least recently used out first. Bounded by count and by an estimate of what the sessions'
 * arenas hold, because every session keeps the memory of its intermediate tensors from run to run.
 */
import type { Runtime, Session } from "../onnx/native.js";
import type { Plan } from "./plan.js";
import { byteLengthOf, sizeOf } from "./graph.js";

export interface CachedSession {
  readonly session: Session;
  /** Bytes that its arena may keep: an upper estimate, the sum over all intermediate tensors capped by the limit. */
  readonly arenaBytes: number;
  runs: number;
}

/** Work below this many written elements (and without heavy operators) runs on the calling thread alone. */
const SMALL_ELEMENTS = 1 << 16;

export class SessionCache {
  readonly #sessions = new Map<string, CachedSession>();
  hits = 0;
  misses = 0;
  evictions = 0;

  constructor(
    private readonly runtime: Runtime,
    private readonly maxSessions: number,
  ) {}

  get size(): number {
    return this.#sessions.size;
  }

  /** The session for a plan, made when there is none. */
  get(plan: Plan): CachedSession {
    const found = this.#sessions.get(plan.key);
    if (found) {
      this.hits++;
      this.#sessions.delete(plan.key);
      this.#sessions.set(plan.key, found);
      return found;
    }
    this.misses++;
    while (this.#sessions.size >= this.maxSessions) this.#evictOldest();
    const input = plan.feeds.reduce((sum, feed) => sum + sizeOf(feed.shape), 0);
    const session = this.runtime.createSession(plan.buildModel(), plan.elements + input < SMALL_ELEMENTS);
    const entry: CachedSession = {
      session,
      arenaBytes: plan.outputs.reduce((sum, value) => sum + byteLengthOf(value), 0),
      runs: 0,
    };
    this.#sessions.set(plan.key, entry);
    return entry;
  }

  clear(): void {
    for (const { session } of this.#sessions.values()) session.dispose();
    this.#sessions.clear();
  }

  #evictOldest(): void {
    const [key, entry] = this.#sessions.entries().next().value!;
    entry.session.dispose();
    this.#sessions.delete(key);
    this.evictions++;
  }
}
