/** Tries every engine and reports which work here: for diagnoses and for tests over all engines. */
import * as tf from "@tensorflow/tfjs-core";
import { currentBackend, isRunning, registeredBackends, removeBackend } from "./backends.js";
import { createEngine } from "./create-engine.js";
import { drivers } from "./drivers/index.js";
import { engineIds, type AdapterDescription, type Engine, type EngineId, type EngineOptions } from "./engine.js";
import { refusalOf } from "./reason.js";

export interface EngineReport {
  readonly id: EngineId;
  /** True if it started and computed correctly. */
  readonly ok: boolean;
  readonly trains: boolean;
  /** The engine's description, or the reason why it does not work. */
  readonly reason: string;
  readonly fix?: string;
  readonly adapter?: AdapterDescription;
}

export interface DescribeOptions extends Omit<EngineOptions, "engine"> {
  /** Runs with every engine that works, for example to measure it. */
  readonly visit?: (engine: Engine) => void | Promise<void>;
}

/**
 * Starts and stops every engine, in the order of `auto`. Afterwards the current backend and the
 * registered backends are the same as before. A software GPU counts as working, although `auto`
 * skips it.
 *
 * @example
 * const reports = await describeEngines();
 * reports.find(({ id }) => id === "cpu").ok; // => true
 */
export async function describeEngines({ visit, ...options }: DescribeOptions = {}): Promise<EngineReport[]> {
  const before = currentBackend();
  const registered = new Set(registeredBackends());
  const reports: EngineReport[] = [];
  for (const id of engineIds) {
    const { trains } = drivers[id];
    try {
      const engine = await createEngine({ ...options, engine: id });
      try {
        await visit?.(engine);
        const { adapter, description } = engine;
        reports.push({ id, ok: true, trains, reason: description, ...(adapter && { adapter }) });
      } finally {
        engine.dispose();
      }
    } catch (error) {
      const { reason, fix } = refusalOf(id, error);
      reports.push({ id, ok: false, trains, reason, ...(fix !== undefined && { fix }) });
    }
  }
  for (const name of registeredBackends()) if (!registered.has(name)) removeBackend(name);
  if (before !== undefined && isRunning(before)) await tf.setBackend(before);
  return reports;
}

let available: Promise<EngineId[]> | undefined;

/**
 * The engines that work here, best first. Each process tries them once. For tests:
 * `describe.each(await availableEngines())`.
 *
 * @example
 * const ids = await availableEngines();
 * ids.at(-1); // => "cpu"
 */
export function availableEngines(): Promise<EngineId[]> {
  available ??= describeEngines().then((reports) => reports.filter(({ ok }) => ok).map(({ id }) => id));
  return available.then((ids) => [...ids]);
}
