/** Tries every engine and reports what works here, for `revq doctor` and for test suites that run over every engine. */
import * as tf from "@tensorflow/tfjs-core";
import { currentBackend, isRunning, registeredBackends, removeBackend } from "./backends.js";
import { createEngine } from "./create-engine.js";
import { drivers } from "./drivers/index.js";
import { engineIds, type AdapterDescription, type Engine, type EngineId, type EngineOptions } from "./engine.js";
import { refusalOf } from "./reason.js";

export interface EngineReport {
  readonly id: EngineId;
  /** True when it came up and computed correctly. */
  readonly ok: boolean;
  readonly trains: boolean;
  /** What it is when it works, why it does not when it does not. */
  readonly reason: string;
  readonly fix?: string;
  readonly adapter?: AdapterDescription;
}

export interface DescribeOptions extends Omit<EngineOptions, "engine"> {
  /** Runs while an engine that works is up: to measure it, say. */
  readonly visit?: (engine: Engine) => void | Promise<void>;
}

/**
 * Brings every engine up and down again, in the order of `auto`. Afterwards the backend that was current is current again and
 * nothing is registered that was not before. A software GPU counts as working, although `auto` passes it over.
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

/** The engines that truly work here, best first; tried once a process. For tests: `describe.each(await availableEngines())`. */
export function availableEngines(): Promise<EngineId[]> {
  available ??= describeEngines().then((reports) => reports.filter(({ ok }) => ok).map(({ id }) => id));
  return available.then((ids) => [...ids]);
}
