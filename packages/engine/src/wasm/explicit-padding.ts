/**
 * Convolutions with `same` padding spelled out. XNNPACK's own "same" is wrong in tfjs-backend-wasm 4.22 whenever the filter
 * is smaller than the stride or the last window ends inside the image: values silently differ from every other backend.
 */
import type { KernelFunc, NamedAttrMap, TensorInfo } from "@tensorflow/tfjs-core";
import { geometryOf, type ConvolutionAttributes } from "./convolution-geometry.js";

/** The same kernel, called with the padding in numbers. */
export function withExplicitPadding(depthwise: boolean): (own: KernelFunc) => KernelFunc {
  return (own) => (call) => {
    const attributes = call.attrs as unknown as ConvolutionAttributes;
    if (attributes.pad !== "same") return own(call);
    const { x, filter } = call.inputs as { x: TensorInfo; filter: TensorInfo };
    const { top, bottom, left, right } = geometryOf(x.shape, filter.shape, attributes, depthwise).padInfo;
    const pad = [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ];
    const attrs = { ...call.attrs, pad } as unknown as NamedAttrMap;
    return own({ ...call, attrs });
  };
}
