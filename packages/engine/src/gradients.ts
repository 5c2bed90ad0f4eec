/**
 * Registers tfjs's gradients. `@tensorflow/tfjs-core` alone has none in Node: only bundlers resolve
 * the modules of its own registration. Node can load it from `@tensorflow/tfjs-layers`.
 */
import * as tf from "@tensorflow/tfjs-core";
import { nodeProcess } from "./probes.js";

/**
 * Registers the gradients unless they are registered. `createEngine` does so; call it if you set a
 * backend yourself.
 *
 * @example
 * import * as tf from "@tensorflow/tfjs-core";
 * await registerGradients();
 * tf.getGradient("Conv2D") !== undefined; // => true
 */
export async function registerGradients(): Promise<void> {
  if (tf.getGradient("Conv2D")) return;
  if (nodeProcess()) await import("@tensorflow/tfjs-layers");
  else await import("@tensorflow/tfjs-core/dist/register_all_gradients.js");
}
