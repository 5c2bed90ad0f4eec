/** Replaces kernels of a tfjs backend by wrappers around them. */
import * as tf from "@tensorflow/tfjs-core";
import type { KernelFunc } from "@tensorflow/tfjs-core";

/** By kernel name: from the backend's own kernel to the new one. */
export type Improvements = Readonly<Record<string, (own: KernelFunc) => KernelFunc>>;

const replaced = new Set<string>();

/** Replaces every kernel once, even if called again. Ignores kernels that the backend lacks. */
export function replaceKernels(backendName: string, improvements: Improvements): void {
  for (const [kernelName, improve] of Object.entries(improvements)) {
    const own = tf.getKernel(kernelName, backendName);
    const key = `${backendName}:${kernelName}`;
    if (!own || replaced.has(key)) continue;
    replaced.add(key);
    // Keeps the setup function: tfjs calls it whenever the backend starts again.
    tf.unregisterKernel(kernelName, backendName);
    tf.registerKernel({ ...own, kernelFunc: improve(own.kernelFunc) });
  }
}
