/** Sees to it that tfjs has a backend: one that the program chose, or else the best that `@revq/engine` brings up. */
import { RevqError } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";

/** @returns what gives the engine back, when one was started here. Throws `engine-missing`. */
export async function ensureEngine(): Promise<(() => void) | undefined> {
  if (tf.getBackend()) return undefined;
  if (tf.engine().backendNames().length > 0) {
    await tf.ready();
    return undefined;
  }
  const name = "@revq/engine"; // an optional peer: bundlers must not insist on it
  let module: { createEngine(): Promise<{ dispose(): void }> };
  try {
    module = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as typeof module;
  } catch (cause) {
    throw new RevqError("engine-missing", "No tfjs backend is up, and @revq/engine is not installed to start one.", {
      fix: "Install @revq/engine. In a bundled program call its createEngine() first, or tf.setBackend.",
      cause,
    });
  }
  const engine = await module.createEngine();
  return () => engine.dispose();
}
