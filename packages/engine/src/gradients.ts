/**
 * Registers tfjs's gradients. `@tensorflow/tfjs-core` alone has none in Node: only bundlers resolve
 * the modules of its own registration. Node can load it from `@tensorflow/tfjs-layers`, which an
 * application that never trains need not install.
 */
import { RevqError } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import { importOptional, isMissingModule, nodeProcess } from "./probes.js";

const packageName = "@tensorflow/tfjs-layers";

/** Whether the gradients are registered. */
export function hasGradients(): boolean {
  return tf.getGradient("Conv2D") !== undefined;
}

/**
 * Registers the gradients unless they are registered. `createEngine` does so; call it if you set a
 * backend yourself.
 *
 * @throws RevqError `gradients-missing` in Node if `@tensorflow/tfjs-layers` is not installed
 * @example
 * import * as tf from "@tensorflow/tfjs-core";
 * await registerGradients();
 * tf.getGradient("Conv2D") !== undefined; // => true
 */
export async function registerGradients(load: (name: string) => Promise<unknown> = importOptional): Promise<void> {
  if (hasGradients()) return;
  if (!nodeProcess()) {
    await import("@tensorflow/tfjs-core/dist/register_all_gradients.js");
    return;
  }
  try {
    await load(packageName);
  } catch (error) {
    if (!isMissingModule(error, packageName)) throw error;
    throw new RevqError("gradients-missing", `${packageName} is not installed, so nothing can be trained.`, {
      fix: `Install it: npm install ${packageName}.`,
      cause: error,
    });
  }
}
