/** Replaces kernels of a tfjs backend by ones that are made from them. */
import * as tf from "@tensorflow/tfjs-core";
import type { KernelFunc } from "@tensorflow/tfjs-core";

/** By kernel name: given the backend's own kernel, the one to use. */
export type Improvements = Readonly<Record<string, (own: KernelFunc) => KernelFunc>>;

const replaced = new Set<string>();

/** Every kernel is replaced once, however often this is called; names that the backend lacks are left out. */
export function replaceKernels(backendName: string, improvements: Improvements): void {
  for (const [kernelName, improve] of Object.entries(improvements)) {
    const own = tf.getKernel(kernelName, backendName);
    const key = `${backendName}:${kernelName}`;
    if (!own || replaced.has(key)) continue;
    replaced.add(key);
    // The setup function stays: tfjs calls it again whenever the backend is brought up again.
    tf.unregisterKernel(kernelName, backendName);
    tf.registerKernel({ ...own, kernelFunc: improve(own.kernelFunc) });
  }
}
