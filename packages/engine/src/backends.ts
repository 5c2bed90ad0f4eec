/**
 * Helpers for tfjs's backend registry. Registering replaces; removing accepts unknown names. A
 * factory that a package registered on import is kept: a second import would not register it again.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { KernelBackend } from "@tensorflow/tfjs-core";

type Factory = () => KernelBackend | Promise<KernelBackend>;

const importedFactories = new Map<string, Factory>();

/** Runs an import that registers the backend `name`, and registers it again if it was removed. */
export async function importBackend<T>(name: string, load: () => Promise<T>): Promise<T> {
  const module = await load();
  const registered = tf.findBackendFactory(name) as Factory | null | undefined;
  if (registered) {
    if (!importedFactories.has(name)) importedFactories.set(name, registered);
  } else {
    const factory = importedFactories.get(name);
    if (factory) tf.registerBackend(name, factory);
  }
  return module;
}

/** Registers `factory` under this name, in place of any other. */
export function replaceBackend(name: string, factory: Factory): void {
  removeBackend(name);
  tf.registerBackend(name, factory);
}

/** Starts a registered backend and throws its error. (`tf.setBackend` only prints it.) */
export async function startBackend(name: string): Promise<void> {
  if (isRunning(name)) return;
  const backend = await (tf.findBackendFactory(name) as Factory)();
  replaceBackend(name, () => backend);
}

export function removeBackend(name: string): void {
  if (tf.findBackendFactory(name)) tf.removeBackend(name);
}

/** True when the backend is registered and running. */
export function isRunning(name: string): boolean {
  return tf.engine().registry[name] !== undefined;
}

/** The current backend's name; undefined if none was set. */
export function currentBackend(): string | undefined {
  return tf.engine().backendName ?? undefined;
}

/** The names of all registered backends, running or not. */
export function registeredBackends(): string[] {
  return Object.keys(tf.engine().registryFactory);
}
