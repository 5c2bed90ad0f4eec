/**
 * Completes tfjs's wasm backend (4.22) for training. Gradients that it lacks are added; kernels whose own version is naive
 * (transposed and batched matrix products, the input gradient of a convolution) are replaced.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { KernelFunc } from "@tensorflow/tfjs-core";
import { conv2dBackpropFilter, conv2dBackpropInput } from "./convolution-gradients.js";
import { depthwiseConv2dNativeBackpropFilter, depthwiseConv2dNativeBackpropInput } from "./depthwise-gradients.js";
import { batchMatMul } from "./matrix-product.js";
import { unsortedSegmentSum } from "./segment-sum.js";

const missing: Readonly<Record<string, KernelFunc>> = {
  Conv2DBackpropFilter: conv2dBackpropFilter,
  DepthwiseConv2dNativeBackpropFilter: depthwiseConv2dNativeBackpropFilter,
  DepthwiseConv2dNativeBackpropInput: depthwiseConv2dNativeBackpropInput,
  UnsortedSegmentSum: unsortedSegmentSum,
};

/** Better ones, each made from the backend's own. */
const slow: Readonly<Record<string, (own: KernelFunc) => KernelFunc>> = {
  BatchMatMul: batchMatMul,
  Conv2DBackpropInput: () => conv2dBackpropInput,
};

const replaced = new Set<string>();

/** Registers what is missing or slow. Calling it again changes nothing. */
export function addWasmKernels(): void {
  for (const [kernelName, kernelFunc] of Object.entries(missing)) {
    if (!tf.getKernel(kernelName, "wasm")) tf.registerKernel({ kernelName, backendName: "wasm", kernelFunc });
  }
  for (const [kernelName, improve] of Object.entries(slow)) {
    const own = tf.getKernel(kernelName, "wasm");
    if (!own || replaced.has(kernelName)) continue;
    replaced.add(kernelName);
    // The setup function stays: tfjs calls it again whenever the backend is brought up again.
    tf.unregisterKernel(kernelName, "wasm");
    tf.registerKernel({ ...own, kernelFunc: improve(own.kernelFunc) });
  }
}
