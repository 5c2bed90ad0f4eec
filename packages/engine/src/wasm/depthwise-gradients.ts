/**
 * Gradients of a depthwise convolution (NHWC) for the wasm backend. The input gradient is a
 * depthwise convolution (XNNPACK) of the dilated output gradient with the rotated filter. The
 * filter gradient is a direct loop over the heap: no kernel of the backend could compute it.
 */
import { util, type KernelFunc, type TensorInfo } from "@tensorflow/tfjs-core";
import { geometryOf, type ConvolutionAttributes, type Geometry } from "./convolution-geometry.js";
import { floats, makeFloats, makeZeros, release, runKernel, wasmBackend, type WasmBackend } from "./heap.js";
import { copyToCanvas } from "./copy-to-canvas.js";

/** dy `[n, oh, ow, c * m]`, filter `[kh, kw, c, m]` -> dx of `attrs.inputShape` `[n, h, w, c]`. */
export const depthwiseConv2dNativeBackpropInput: KernelFunc = ({ inputs, backend, attrs }) => {
  const wasm = wasmBackend(backend);
  const { dy, filter } = inputs as { dy: TensorInfo; filter: TensorInfo };
  const { inputShape, ...convolution } = attrs as unknown as ConvolutionAttributes & { inputShape: number[] };
  const g = geometryOf(inputShape, filter.shape, convolution, true);
  const rotated = rotatedFilter(wasm, filter, g.outChannels);
  const spanHeight = (g.filterHeight - 1) * g.dilationHeight;
  const spanWidth = (g.filterWidth - 1) * g.dilationWidth;
  const dilated = copyToCanvas(wasm, dy, {
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
    { x: dilated, filter: rotated },
    {
      strides: [1, 1],
      dilations: [g.dilationHeight, g.dilationWidth],
      pad: "valid",
    },
  );
  release(wasm, rotated, dilated);
  const multiplier = filter.shape[3]!;
  if (multiplier === 1) return perFilter;
  const grouped = { ...perFilter, shape: [...inputShape, multiplier] };
  const dx = runKernel(wasm, "Sum", { x: grouped }, { axis: [4], keepDims: false });
  release(wasm, perFilter);
  return dx;
};

/** `[kh, kw, c, m]` -> `[kh, kw, c * m, 1]`, rotated by 180 degrees. */
function rotatedFilter(wasm: WasmBackend, filter: TensorInfo, channels: number): TensorInfo {
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

/**
 * x `[n, h, w, c]`, dy `[n, oh, ow, c * m]` -> filter gradient of `attrs.filterShape`
 * `[kh, kw, c, m]`.
 */
export const depthwiseConv2dNativeBackpropFilter: KernelFunc = ({ inputs, backend, attrs }) => {
  const wasm = wasmBackend(backend);
  const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo };
  const { filterShape, ...convolution } = attrs as unknown as ConvolutionAttributes & { filterShape: number[] };
  const g = geometryOf(x.shape, filterShape, convolution, true);
  const output = makeZeros(wasm, filterShape);
  if (util.sizeFromShape(dy.shape) === 0) return output;
  const padded = copyToCanvas(wasm, x, {
    height: (g.outHeight - 1) * g.strideHeight + (g.filterHeight - 1) * g.dilationHeight + 1,
    width: (g.outWidth - 1) * g.strideWidth + (g.filterWidth - 1) * g.dilationWidth + 1,
    top: g.padInfo.top,
    left: g.padInfo.left,
  });
  sumTaps(floats(wasm, padded), floats(wasm, dy), floats(wasm, output), g, padded.shape[1]!, padded.shape[2]!);
  release(wasm, padded);
  return output;
};

/**
 * Sums in float64, three filter columns at a time. Their sums stay in registers along a row, and a
 * row of x and dy stays in the first-level cache.
 */
function sumTaps(
  x: Float32Array,
  dy: Float32Array,
  sums: Float32Array,
  g: Geometry,
  height: number,
  width: number,
): void {
  const { inChannels, outChannels, outHeight, outWidth, filterWidth } = g;
  const multiplier = outChannels / inChannels;
  const tapStep = g.dilationWidth * inChannels;
  const xStep = g.strideWidth * inChannels;
  const rowSums = new Float64Array(filterWidth * outChannels);
  for (let ky = 0; ky < g.filterHeight; ky++) {
    rowSums.fill(0);
    for (let row = 0; row < g.batchSize * outHeight; row++) {
      const y = Math.floor(row / outHeight) * height + (row % outHeight) * g.strideHeight + ky * g.dilationHeight;
      for (let kx = 0; kx < filterWidth; kx += 3) {
        const second = kx + 1 < filterWidth ? tapStep : 0;
        const third = kx + 2 < filterWidth ? 2 * tapStep : 0;
        for (let c = 0; c < outChannels; c++) {
          let sum0 = 0;
          let sum1 = 0;
          let sum2 = 0;
          let fromX = y * width * inChannels + kx * tapStep + (multiplier === 1 ? c : Math.floor(c / multiplier));
          let fromDy = row * outWidth * outChannels + c;
          for (let ox = 0; ox < outWidth; ox++, fromX += xStep, fromDy += outChannels) {
            const gradient = dy[fromDy]!;
            sum0 += gradient * x[fromX]!;
            sum1 += gradient * x[fromX + second]!;
            sum2 += gradient * x[fromX + third]!;
          }
          const target = kx * outChannels + c;
          rowSums[target]! += sum0;
          if (second > 0) rowSums[target + outChannels]! += sum1;
          if (third > 0) rowSums[target + 2 * outChannels]! += sum2;
        }
      }
    }
    sums.set(rowSums, ky * filterWidth * outChannels);
  }
}
