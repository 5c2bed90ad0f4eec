/**
 * Gradients of a 2-D convolution (NHWC) for the wasm backend, from XNNPACK's matrix product and
 * convolution. The input gradient is a convolution of the dilated output gradient with the rotated
 * filter. The filter gradient is a matrix product for every filter tap: transposed input window
 * times output gradient.
 */
import { util, type KernelFunc, type TensorInfo } from "@tensorflow/tfjs-core";
import { geometryOf, isPointwise, type ConvolutionAttributes, type Geometry } from "./convolution-geometry.js";
import {
  floats,
  makeFloats,
  multiplyMatrices,
  release,
  runKernel,
  wasmBackend,
  withView,
  type WasmBackend,
} from "./heap.js";
import { copyToCanvas } from "./copy-to-canvas.js";

/** dy `[n, oh, ow, co]`, filter `[kh, kw, ci, co]` -> dx of `attrs.inputShape` `[n, h, w, ci]`. */
export const conv2dBackpropInput: KernelFunc = ({ inputs, backend, attrs }) => {
  const wasm = wasmBackend(backend);
  const { dy, filter } = inputs as { dy: TensorInfo; filter: TensorInfo };
  const { inputShape, ...convolution } = attrs as unknown as ConvolutionAttributes & { inputShape: number[] };
  const g = geometryOf(inputShape, filter.shape, convolution, false);
  const rotated = rotatedFilter(wasm, filter);
  const dilated = copyToCanvas(wasm, dy, {
    height: g.inHeight + (g.filterHeight - 1),
    width: g.inWidth + (g.filterWidth - 1),
    top: g.filterHeight - 1 - g.padInfo.top,
    left: g.filterWidth - 1 - g.padInfo.left,
    rowStep: g.strideHeight,
    columnStep: g.strideWidth,
  });
  const dx = runKernel(
    wasm,
    "Conv2D",
    { x: dilated, filter: rotated },
    { strides: [1, 1], dilations: [1, 1], pad: "valid", dataFormat: "NHWC" },
  );
  release(wasm, rotated, dilated);
  return dx;
};

/** `[kh, kw, ci, co]` -> `[kh, kw, co, ci]`, rotated by 180 degrees. */
function rotatedFilter(wasm: WasmBackend, filter: TensorInfo): TensorInfo {
  const [kh, kw, ci, co] = filter.shape as [number, number, number, number];
  const output = makeFloats(wasm, [kh, kw, co, ci]);
  const from = floats(wasm, filter);
  const to = floats(wasm, output);
  const taps = kh * kw;
  for (let tap = 0; tap < taps; tap++) {
    const source = (taps - 1 - tap) * ci * co;
    const target = tap * ci * co;
    for (let i = 0; i < ci; i++) for (let o = 0; o < co; o++) to[target + o * ci + i] = from[source + i * co + o]!;
  }
  return output;
}

/**
 * x `[n, h, w, ci]`, dy `[n, oh, ow, co]` -> filter gradient of `attrs.filterShape`
 * `[kh, kw, ci, co]`.
 */
export const conv2dBackpropFilter: KernelFunc = ({ inputs, backend, attrs }) => {
  const wasm = wasmBackend(backend);
  const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo };
  const { filterShape, ...convolution } = attrs as unknown as ConvolutionAttributes & { filterShape: number[] };
  const g = geometryOf(x.shape, filterShape, convolution, false);
  const positions = g.batchSize * g.outHeight * g.outWidth;
  const ci = g.inChannels;
  const co = g.outChannels;
  const output = makeFloats(wasm, filterShape);
  if (util.sizeFromShape(dy.shape) === 0) {
    floats(wasm, output).fill(0);
    return output;
  }
  const planes = runKernel(wasm, "Transpose", { x: { ...x, shape: [positionsOf(x), ci] } }, { perm: [1, 0] });
  const window = isPointwise(g) ? planes : makeFloats(wasm, [ci, positions]);
  // One view of dy for all taps: XNNPACK packs it once.
  withView(wasm, dy, 0, positions * co, (idOfDy) => {
    for (let tap = 0; tap < g.filterHeight * g.filterWidth; tap++) {
      if (window !== planes) copyWindow(wasm, planes, window, g, Math.floor(tap / g.filterWidth), tap % g.filterWidth);
      withView(wasm, window, 0, ci * positions, (idOfWindow) =>
        withView(wasm, output, tap * ci * co, ci * co, (idOfOutput) =>
          multiplyMatrices(wasm, idOfWindow, idOfDy, idOfOutput, [ci, positions, co]),
        ),
      );
    }
  });
  if (window !== planes) release(wasm, window);
  release(wasm, planes);
  return output;
};

function positionsOf(x: TensorInfo): number {
  return util.sizeFromShape(x.shape.slice(0, 3));
}

/**
 * planes `[ci, n, h, w]` -> window `[ci, n, oh, ow]`: the inputs of a filter tap, zero in padding.
 */
function copyWindow(
  wasm: WasmBackend,
  planes: TensorInfo,
  window: TensorInfo,
  g: Geometry,
  row: number,
  column: number,
): void {
  const from = floats(wasm, planes);
  const to = floats(wasm, window);
  const firstX = column * g.dilationWidth - g.padInfo.left;
  const start = Math.min(g.outWidth, Math.max(0, Math.ceil(-firstX / g.strideWidth)));
  const end = Math.max(start, Math.min(g.outWidth, Math.floor((g.inWidth - 1 - firstX) / g.strideWidth) + 1));
  const images = g.inChannels * g.batchSize;
  let target = 0;
  for (let image = 0; image < images; image++) {
    for (let oy = 0; oy < g.outHeight; oy++, target += g.outWidth) {
      const y = oy * g.strideHeight + row * g.dilationHeight - g.padInfo.top;
      if (y < 0 || y >= g.inHeight) {
        to.fill(0, target, target + g.outWidth);
        continue;
      }
      const source = (image * g.inHeight + y) * g.inWidth + firstX;
      for (let ox = 0; ox < start; ox++) to[target + ox] = 0;
      for (let ox = start; ox < end; ox++) to[target + ox] = from[source + ox * g.strideWidth]!;
      for (let ox = end; ox < g.outWidth; ox++) to[target + ox] = 0;
    }
  }
}
