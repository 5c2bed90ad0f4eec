/**
 * Makes sure that tfjs has a backend. It keeps the backend of the program, or else starts the best
 * one of `@revq/engine`.
 */
import { RevqError } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";

/** @returns a function that stops the engine, if one was started here. Throws `engine-missing`. */
export async function ensureEngine(): Promise<(() => void) | undefined> {
  if (tf.getBackend()) return undefined;
  if (tf.engine().backendNames().length > 0) {
    await tf.ready();
    return undefined;
  }
  const name = "@revq/engine"; // an optional peer: a variable keeps bundlers from resolving it
  let module: { createEngine(): Promise<{ dispose(): void }> };
  try {
    module = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as typeof module;
  } catch (cause) {
    throw new RevqError("engine-missing", "tfjs has no backend, and @revq/engine is not installed to start one.", {
      fix: "Install @revq/engine. In a bundled program call its createEngine() first, or tf.setBackend.",
      cause,
    });
  }
  const engine = await module.createEngine();
  return () => engine.dispose();
}
