/**
 * Registers tfjs's gradients. `@tensorflow/tfjs-core` alone has none in Node: its own registration is written in modules that
 * only a bundler resolves, and the one build of it that Node can load is inside `@tensorflow/tfjs-layers`.
 */
import * as tf from "@tensorflow/tfjs-core";
import { nodeProcess } from "./probes.js";

/** Does nothing when they are there. `createEngine` calls it; call it before gradients when you set a backend by yourself. */
export async function registerGradients(): Promise<void> {
  if (tf.getGradient("Conv2D")) return;
  if (nodeProcess()) await import("@tensorflow/tfjs-layers");
  else await import("@tensorflow/tfjs-core/dist/register_all_gradients.js");
}
