/**
 * _FusedMatMul for the wasm backend with transposed operands or batches: the backend's own kernel
 * ignores bias and activation there, or is slow. Product, bias and activation run in sequence.
 */
import type { KernelFunc, TensorInfo } from "@tensorflow/tfjs-core";
import { release, runKernel, wasmBackend } from "./heap.js";

interface Attributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly activation: string;
  readonly leakyreluAlpha?: number;
}

const activations: Readonly<Record<string, string>> = {
  relu: "Relu",
  relu6: "Relu6",
  elu: "Elu",
  sigmoid: "Sigmoid",
  leakyrelu: "LeakyRelu",
  prelu: "Prelu",
};

/**
 * a `[b, m, k]` x b `[b, k, n]` + bias `[n]`, then the activation -> `[b, m, n]`.
 *
 * @param own the backend's kernel
 */
export function fusedMatMul(own: KernelFunc): KernelFunc {
  return (call) => {
    const wasm = wasmBackend(call.backend);
    const { a, b, bias, preluActivationWeights } = call.inputs as Record<string, TensorInfo>;
    const { transposeA, transposeB, activation, leakyreluAlpha } = call.attrs as unknown as Attributes;
    if (!transposeA && !transposeB && a!.shape[0] === 1 && b!.shape[0] === 1) return own(call);
    let result = runKernel(wasm, "BatchMatMul", { a: a!, b: b! }, { transposeA, transposeB });
    const replace = (next: TensorInfo): void => {
      release(wasm, result);
      result = next;
    };
    if (bias) replace(runKernel(wasm, "Add", { a: result, b: bias }));
    const kernel = activations[activation];
    if (kernel !== undefined) {
      const inputs = kernel === "Prelu" ? { x: result, alpha: preluActivationWeights! } : { x: result };
      replace(runKernel(wasm, kernel, inputs, { alpha: leakyreluAlpha ?? 0.2 }));
    }
    return result;
  };
}
