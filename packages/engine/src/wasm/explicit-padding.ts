/**
 * Convolutions with `same` padding as explicit numbers. XNNPACK's `same` in tfjs-backend-wasm 4.22
 * is wrong if the filter is smaller than the stride or the last window ends inside the image.
 */
import type { KernelFunc, NamedAttrMap, TensorInfo } from "@tensorflow/tfjs-core";
import { geometryOf, type ConvolutionAttributes } from "./convolution-geometry.js";

/** The kernel, called with explicit padding. */
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
