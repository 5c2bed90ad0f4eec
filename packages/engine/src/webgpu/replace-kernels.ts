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

/** Makes the result for a vector a scalar instead of `[1]`. */
function withScalarResult(own: KernelFunc): KernelFunc {
  return (call) => {
    const result = own(call) as TensorInfo;
    return call.inputs["x"]!.shape.length === 1 ? { ...result, shape: [] } : result;
  };
}
