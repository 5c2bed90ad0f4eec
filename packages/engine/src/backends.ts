/**
 * The tfjs backend registry, tidied: registering replaces, removing tolerates, and a factory that a package registered as it
 * was imported survives its removal, since importing the package again would not bring it back.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { KernelBackend } from "@tensorflow/tfjs-core";

type Factory = () => KernelBackend | Promise<KernelBackend>;

const importedFactories = new Map<string, Factory>();

/** Runs an import that registers the backend `name`, and makes sure that it is registered also the second time. */
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

/** Registers `factory` in place of whatever has the name. */
export function replaceBackend(name: string, factory: Factory): void {
  removeBackend(name);
  tf.registerBackend(name, factory);
}

/** Brings a registered backend up and lets its own error out: `tf.setBackend` prints that and returns false. */
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

/** The current backend's name, undefined when none was set. */
export function currentBackend(): string | undefined {
  return tf.engine().backendName ?? undefined;
}

/** The names of all registered backends, running or not. */
export function registeredBackends(): string[] {
  return Object.keys(tf.engine().registryFactory);
}
