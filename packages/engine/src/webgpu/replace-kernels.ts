/** Corrects kernels of tfjs's WebGPU backend (4.22) with wrong results. */
import * as tf from "@tensorflow/tfjs-core";
import type { KernelFunc, NamedAttrMap, TensorInfo } from "@tensorflow/tfjs-core";
import { replaceKernels } from "../replace-kernels.js";

const backendName = "webgpu";

export function replaceWebGpuKernels(): void {
  replaceKernels(backendName, {
    Cumsum: withoutReverse,
    Cumprod: withoutReverse,
    ArgMax: withScalarResult,
    ArgMin: withScalarResult,
    BatchMatMul: withoutTransposedB,
    _FusedMatMul: withoutTransposedB,
  });
}

/**
 * The shader of a reversed sum has the axis' length in its text but not in its cache key, so it is
 * wrong for a second length. This kernel reverses the input instead.
 */
function withoutReverse(own: KernelFunc): KernelFunc {
  return (call) => {
    const { axis, exclusive, reverse } = call.attrs as unknown as {
      axis: number;
      exclusive: boolean;
      reverse: boolean;
    };
    if (!reverse) return own(call);
    const turn = (x: TensorInfo): TensorInfo => run("Reverse", x, { dims: [axis] });
    const run = (name: string, x: TensorInfo, attrs: object): TensorInfo =>
      tf
        .getKernel(name, backendName)
        .kernelFunc({ ...call, inputs: { x }, attrs: attrs as NamedAttrMap }) as TensorInfo;
    const turned = turn(call.inputs["x"]!);
    const attrs = { axis, exclusive, reverse: false } as unknown as NamedAttrMap;
    const sums = own({ ...call, inputs: { x: turned }, attrs }) as TensorInfo;
    const result = turn(sums);
    for (const { dataId } of [turned, sums]) (call.backend as tf.KernelBackend).disposeData(dataId);
    return result;
  };
}

/** The shader that splits long inner products is used from here on. */
const splitInner = 2000;

/**
 * The shader that splits long inner products reads a transposed second matrix as if it were not
 * transposed, where it reads four values at a time. This kernel transposes the matrix before.
 */
function withoutTransposedB(own: KernelFunc): KernelFunc {
  return (call) => {
    const b = call.inputs["b"]!;
    const rank = b.shape.length;
    if (call.attrs?.["transposeB"] !== true || b.shape[rank - 1]! < splitInner) return own(call);
    const perm = [...b.shape.keys()];
    perm.push(perm.pop()!, perm.pop()!);
    const transposed = tf
      .getKernel("Transpose", backendName)
      .kernelFunc({ ...call, inputs: { x: b }, attrs: { perm } }) as TensorInfo;
    const result = own({
      ...call,
      inputs: { ...call.inputs, b: transposed },
      attrs: { ...call.attrs, transposeB: false },
    });
    (call.backend as tf.KernelBackend).disposeData(transposed.dataId);
    return result;
  };
}

/** Makes the result for a vector a scalar instead of `[1]`. */
function withScalarResult(own: KernelFunc): KernelFunc {
  return (call) => {
    const result = own(call) as TensorInfo;
    return call.inputs["x"]!.shape.length === 1 ? { ...result, shape: [] } : result;
  };
}
