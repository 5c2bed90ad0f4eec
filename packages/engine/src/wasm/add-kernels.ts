/**
 * Completes tfjs's wasm backend (4.22) for training. Adds missing gradients. Replaces slow kernels
 * (transposed and batched matrix products, the input gradient of a convolution, sums over
 * positions) and wrong ones (strided convolutions with `same` padding, the gradient of max pooling,
 * transposed fused products).
 */
import * as tf from "@tensorflow/tfjs-core";
import type { KernelFunc } from "@tensorflow/tfjs-core";
import { replaceKernels, type Improvements } from "../replace-kernels.js";
import { conv2dBackpropFilter, conv2dBackpropInput } from "./convolution-gradients.js";
import { depthwiseConv2dNativeBackpropFilter, depthwiseConv2dNativeBackpropInput } from "./depthwise-gradients.js";
import { withExplicitPadding } from "./explicit-padding.js";
import { fusedMatMul } from "./fused-product.js";
import { batchMatMul } from "./matrix-product.js";
import { maxPoolGrad } from "./max-pool-gradient.js";
import { unsortedSegmentSum } from "./segment-sum.js";
import { sumBeforeLast } from "./sum.js";

const missing: Readonly<Record<string, KernelFunc>> = {
  Conv2DBackpropFilter: conv2dBackpropFilter,
  DepthwiseConv2dNativeBackpropFilter: depthwiseConv2dNativeBackpropFilter,
  DepthwiseConv2dNativeBackpropInput: depthwiseConv2dNativeBackpropInput,
  UnsortedSegmentSum: unsortedSegmentSum,
};

const improved: Improvements = {
  BatchMatMul: batchMatMul,
  _FusedMatMul: fusedMatMul,
  Conv2DBackpropInput: () => conv2dBackpropInput,
  Conv2D: withExplicitPadding(false),
  FusedConv2D: withExplicitPadding(false),
  DepthwiseConv2dNative: withExplicitPadding(true),
  FusedDepthwiseConv2D: withExplicitPadding(true),
  MaxPoolGrad: () => maxPoolGrad,
  Sum: sumBeforeLast,
};

/** Registers these kernels. Calling it again changes nothing. */
export function addWasmKernels(): void {
  for (const [kernelName, kernelFunc] of Object.entries(missing)) {
    if (!tf.getKernel(kernelName, "wasm")) tf.registerKernel({ kernelName, backendName: "wasm", kernelFunc });
  }
  replaceKernels("wasm", improved);
}
