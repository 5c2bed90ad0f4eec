/** Chooses an engine, starts it, checks it and makes it the current tfjs backend. */
import * as tf from "@tensorflow/tfjs-core";
import { isRevqError, nearestNames, RevqError } from "@revq/core";
import { currentBackend, isRunning, removeBackend, startBackend } from "./backends.js";
import type { StartContext, StartedBackend } from "./driver.js";
import { drivers } from "./drivers/index.js";
import { engineIds, type Engine, type EngineId, type EngineOptions, type EngineRefusal } from "./engine.js";
import { hasGradients, registerGradients } from "./gradients.js";
import { defaultProbes } from "./probes.js";
import { firstLine, refusalOf } from "./reason.js";
import { checkBackend } from "./sanity-check.js";
import { refuseSoftware } from "./webgpu/adapter.js";

interface Running {
  readonly started: StartedBackend;
  /** Number of engines that share it. It is removed with the last one. */
  shares: number;
}

const running = new Map<EngineId, Running>();

/**
 * Makes the engine's backend the current one (`tf.setBackend`, awaited) and checks it with a tiny
 * computation.
 *
 * `auto` takes the first that works: a hardware GPU through WebGPU, tfjs-node-gpu or tfjs-node when
 * installed, ONNX Runtime, WebAssembly, plain JavaScript. A named engine starts or throws.
 *
 * @throws RevqError `engine-unknown`, `engine-none`; for a named engine the reason why it does not
 *   work (`engine-*`, `webgpu-*`)
 *
 * @example
 * import * as tf from "@tensorflow/tfjs-core";
 * const engine = await createEngine({ engine: "cpu" });
 * engine.id; // => "cpu"
 * await tf.matMul(tf.ones([2, 3]), tf.ones([3, 2])).data(); // => [3, 3, 3, 3]
 * engine.dispose();
 */
export async function createEngine(options: EngineOptions = {}): Promise<Engine> {
  const wanted = options.engine ?? "auto";
  const note = options.onNote ?? ((): void => {});
  if (wanted !== "auto") {
    requireKnown(wanted);
    return startEngine(wanted, startContext(options, true), []);
  }
  const context = startContext(options, false);
  const refused: EngineRefusal[] = [];
  for (const id of engineIds) {
    try {
      return await startEngine(id, context, refused);
    } catch (error) {
      const refusal = refusalOf(id, error);
      refused.push(refusal);
      note(`${id}: ${refusal.reason}${refusal.fix === undefined ? "" : ` ${refusal.fix}`}`);
    }
  }
  throw new RevqError(
    "engine-none",
    `No engine works here. ${refused.map(({ id, reason }) => `${id}: ${reason}`).join(" ")}`,
    { fix: "Reinstall @revq/engine." },
  );
}

function startContext(options: EngineOptions, named: boolean): StartContext {
  return {
    probes: { ...defaultProbes(), ...options.probes },
    named,
    wasmPath: options.wasmPath,
    threads: options.threads,
    onNote: options.onNote ?? ((): void => {}),
  };
}

function requireKnown(id: string): asserts id is EngineId {
  if ((engineIds as readonly string[]).includes(id)) return;
  const near = nearestNames(id, engineIds);
  throw new RevqError(
    "engine-unknown",
    `There is no engine "${id}". ` +
      (near.length ? `Did you mean ${near.join(" or ")}? ` : "") +
      `Engines: auto, ${engineIds.join(", ")}.`,
    { fix: "Use the engine `auto`, which picks one that works.", setting: { path: "engine", value: "auto" } },
  );
}

/** Starts an engine, or shares the running one. If that fails, restores the current backend. */
async function startEngine(id: EngineId, context: StartContext, refused: readonly EngineRefusal[]): Promise<Engine> {
  const shared = running.get(id);
  if (shared && isRunning(shared.started.backendName)) {
    refuseSoftware(shared.started.adapter, context.named);
    await tf.setBackend(shared.started.backendName);
    return liveEngine(id, shared, refused);
  }
  const before = currentBackend();
  let started: StartedBackend | undefined;
  try {
    await registerGradients().catch(whereItTrains);
    await requireSurvival(id, context);
    started = await drivers[id].start(context);
    const { backendName } = started;
    await startBackend(backendName);
    await tf.setBackend(backendName);
    await started.prepare?.();
    await checkBackend(backendName);
  } catch (error) {
    if (started) {
      removeBackend(started.backendName);
      started.release?.();
    }
    if (before !== undefined && isRunning(before)) await tf.setBackend(before);
    throw asRevqError(id, error);
  }
  const entry = { started, shares: 0 };
  running.set(id, entry);
  return liveEngine(id, entry, refused);
}

/** Without gradients an engine still encodes and decodes. */
function whereItTrains(error: unknown): void {
  if (!isRevqError(error) || error.code !== "gradients-missing") throw error;
}

/** Throws `engine-crashes`. Tries nothing where nothing suggests a crash. */
async function requireSurvival(id: EngineId, { probes }: StartContext): Promise<void> {
  const suspicion = drivers[id].native ? probes.suspicion() : undefined;
  if (suspicion === undefined) return;
  const crash = await probes.crashOf(id);
  if (crash === null) return;
  throw new RevqError("engine-crashes", `The engine ${id} crashes on this machine (${crash}): ${suspicion}.`, {
    fix: "Use the engine wasm: it loads no native code.",
    setting: { path: "engine", value: "wasm" },
  });
}

function asRevqError(id: EngineId, error: unknown): RevqError {
  if (isRevqError(error)) return error;
  return new RevqError("engine-failed", `The engine ${id} failed to start: ${firstLine(error)}`, {
    fix: "Use the engine `auto`, which picks one that works.",
    setting: { path: "engine", value: "auto" },
    cause: error,
  });
}

function liveEngine(id: EngineId, entry: Running, refused: readonly EngineRefusal[]): Engine {
  const { backendName, adapter, describe, info, release } = entry.started;
  const description = `${id}: ${describe()}`;
  entry.shares++;
  let live = true;
  return {
    id,
    description,
    trains: drivers[id].trains && hasGradients(),
    ...(adapter && { adapter }),
    refused: [...refused],
    info() {
      const { numTensors, numBytes } = tf.memory();
      return { backend: backendName, tensors: numTensors, tensorBytes: numBytes, ...(live ? info?.() : {}) };
    },
    dispose() {
      if (!live) return;
      live = false;
      entry.shares--;
      if (entry.shares > 0 || id === "cpu") return;
      running.delete(id);
      removeBackend(backendName);
      release?.();
    },
  };
}
