/**
 * Gradients of a depthwise convolution (NHWC) for the wasm backend. The input gradient is a depthwise convolution of the
 * spread-out output gradient with the turned filter (XNNPACK); the filter gradient is a direct loop over the heap, since
 * no kernel of the backend computes anything like it.
 */
import { util, type KernelFunc, type TensorInfo } from "@tensorflow/tfjs-core";
import { geometryOf, type ConvolutionAttributes, type Geometry } from "./convolution-geometry.js";
import { floats, makeFloats, makeZeros, release, runKernel, wasmBackend, type WasmBackend } from "./heap.js";
import { place } from "./place.js";

/** dy `[n, oh, ow, c * m]`, filter `[kh, kw, c, m]` -> dx of `attrs.inputShape` `[n, h, w, c]`. */
export const depthwiseConv2dNativeBackpropInput: KernelFunc = ({ inputs, backend, attrs }) => {
  const wasm = wasmBackend(backend);
  const { dy, filter } = inputs as { dy: TensorInfo; filter: TensorInfo };
  const { inputShape, ...convolution } = attrs as unknown as ConvolutionAttributes & { inputShape: number[] };
  const g = geometryOf(inputShape, filter.shape, convolution, true);
  const turned = turnedFilter(wasm, filter, g.outChannels);
  const spanHeight = (g.filterHeight - 1) * g.dilationHeight;
  const spanWidth = (g.filterWidth - 1) * g.dilationWidth;
  const spread = place(wasm, dy, {
    height: g.inHeight + spanHeight,
    width: g.inWidth + spanWidth,
    top: spanHeight - g.padInfo.top,
    left: spanWidth - g.padInfo.left,
    rowStep: g.strideHeight,
    columnStep: g.strideWidth,
  });
  const perFilter = runKernel(
    wasm,
    "DepthwiseConv2dNative",
    { x: spread, filter: turned },
    {
      strides: [1, 1],
      dilations: [g.dilationHeight, g.dilationWidth],
      pad: "valid",
    },
  );
  release(wasm, turned, spread);
  const multiplier = filter.shape[3]!;
  if (multiplier === 1) return perFilter;
  const grouped = { ...perFilter, shape: [...inputShape, multiplier] };
  const dx = runKernel(wasm, "Sum", { x: grouped }, { axis: [4], keepDims: false });
  release(wasm, perFilter);
  return dx;
};

/** `[kh, kw, c, m]` -> `[kh, kw, c * m, 1]`, turned by 180 degrees. */
function turnedFilter(wasm: WasmBackend, filter: TensorInfo, channels: number): TensorInfo {
  const [kh, kw] = filter.shape as [number, number, number, number];
  const output = makeFloats(wasm, [kh, kw, channels, 1]);
  const from = floats(wasm, filter);
  const to = floats(wasm, output);
  for (let tap = 0; tap < kh * kw; tap++) {
    const source = (kh * kw - 1 - tap) * channels;
    to.set(from.subarray(source, source + channels), tap * channels);
  }
  return output;
}

/** x `[n, h, w, c]`, dy `[n, oh, ow, c * m]` -> filter gradient of `attrs.filterShape` `[kh, kw, c, m]`. */
export const depthwiseConv2dNativeBackpropFilter: KernelFunc = ({ inputs, backend, attrs }) => {
  const wasm = wasmBackend(backend);
  const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo };
  const { filterShape, ...convolution } = attrs as unknown as ConvolutionAttributes & { filterShape: number[] };
  const g = geometryOf(x.shape, filterShape, convolution, true);
  const output = makeZeros(wasm, filterShape);
  if (util.sizeFromShape(dy.shape) === 0) return output;
  accumulate(floats(wasm, x), floats(wasm, dy), floats(wasm, output), g);
  return output;
};

/**
 * For one channel and one filter row the sums of all columns are kept in a window that slides along the row, so every
 * element of x and dy is read once a filter row instead of once a tap.
 */
function accumulate(x: Float32Array, dy: Float32Array, sums: Float32Array, g: Geometry): void {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels } = g;
  const multiplier = outChannels / inChannels;
  const row = new Float64Array(outChannels);
  for (let ky = 0; ky < g.filterHeight; ky++) {
    for (let kx = 0; kx < g.filterWidth; kx++) {
      row.fill(0);
      const firstX = kx * g.dilationWidth - g.padInfo.left;
      const start = Math.max(0, Math.ceil(-firstX / g.strideWidth));
      const end = Math.min(outWidth, Math.floor((inWidth - 1 - firstX) / g.strideWidth) + 1);
      for (let image = 0; image < batchSize; image++) {
        for (let oy = 0; oy < outHeight; oy++) {
          const y = oy * g.strideHeight + ky * g.dilationHeight - g.padInfo.top;
          if (y < 0 || y >= inHeight) continue;
          for (let ox = start; ox < end; ox++) {
            let fromX = ((image * inHeight + y) * inWidth + ox * g.strideWidth + firstX) * inChannels;
            let fromDy = ((image * outHeight + oy) * outWidth + ox) * outChannels;
            if (multiplier === 1) {
              for (let c = 0; c < inChannels; c++) row[c]! += x[fromX++]! * dy[fromDy++]!;
            } else {
              for (let c = 0; c < outChannels; c++) row[c]! += x[fromX + Math.floor(c / multiplier)]! * dy[fromDy++]!;
            }
          }
        }
      }
      sums.set(row, (ky * g.filterWidth + kx) * outChannels);
    }
  }
}
