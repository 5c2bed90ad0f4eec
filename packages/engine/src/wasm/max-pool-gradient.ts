/**
 * MaxPoolGrad for the wasm backend. The backend's own kernel (4.22) starts each window's maximum at
 * the smallest positive number, so it loses the gradient of windows without positive values.
 */
import { backend_util, type KernelFunc, type TensorInfo } from "@tensorflow/tfjs-core";
import { floats, makeZeros, wasmBackend } from "./heap.js";
import type { ConvolutionAttributes } from "./convolution-geometry.js";

/**
 * dy `[n, oh, ow, c]`, input `[n, h, w, c]` -> dx `[n, h, w, c]`: each dy goes to the first maximum
 * of its window.
 */
export const maxPoolGrad: KernelFunc = ({ inputs, backend, attrs }) => {
  const wasm = wasmBackend(backend);
  const { dy, input } = inputs as { dy: TensorInfo; input: TensorInfo };
  const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as ConvolutionAttributes & {
    filterSize: [number, number] | number;
  };
  const shape = input.shape as [number, number, number, number];
  const g = backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
  const dx = makeZeros(wasm, input.shape);
  const x = floats(wasm, input);
  const gradient = floats(wasm, dy);
  const target = floats(wasm, dx);
  const c = g.inChannels;
  let from = 0;
  for (let image = 0; image < g.batchSize; image++) {
    for (let oy = 0; oy < g.outHeight; oy++) {
      const top = oy * g.strideHeight - g.padInfo.top;
      const endY = Math.min(g.inHeight, top + g.filterHeight);
      for (let ox = 0; ox < g.outWidth; ox++) {
        const left = ox * g.strideWidth - g.padInfo.left;
        const endX = Math.min(g.inWidth, left + g.filterWidth);
        for (let channel = 0; channel < c; channel++, from++) {
          let best = -1;
          let largest = -Infinity;
          for (let y = Math.max(0, top); y < endY; y++) {
            let index = ((image * g.inHeight + y) * g.inWidth + Math.max(0, left)) * c + channel;
            for (let column = Math.max(0, left); column < endX; column++, index += c) {
              if (best < 0 || x[index]! > largest) {
                largest = x[index]!;
                best = index;
              }
            }
          }
          if (best >= 0) target[best]! += gradient[from]!;
        }
      }
    }
  }
  return dx;
};
