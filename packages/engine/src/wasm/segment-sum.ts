/** UnsortedSegmentSum: sums of rows by segment, the gradient of `tf.gather`. */
import { util, type KernelFunc, type TensorInfo } from "@tensorflow/tfjs-core";
import { integers, makeZeros, elements, wasmBackend } from "./heap.js";

/**
 * x `[...segmentIds.shape, ...rest]` float32 or int32, segmentIds int32 ->
 * `[numSegments, ...rest]`. Ids outside 0 .. numSegments-1 are dropped.
 */
export const unsortedSegmentSum: KernelFunc = ({ inputs, backend, attrs }) => {
  const wasm = wasmBackend(backend);
  const { x, segmentIds } = inputs as { x: TensorInfo; segmentIds: TensorInfo };
  const { numSegments } = attrs as unknown as { numSegments: number };
  const rest = x.shape.slice(segmentIds.shape.length);
  const width = util.sizeFromShape(rest);
  const output = makeZeros(wasm, [numSegments, ...rest], x.dtype);
  const values = elements(wasm, x);
  const ids = integers(wasm, segmentIds);
  const sums = elements(wasm, output);
  for (let row = 0; row < ids.length; row++) {
    const segment = ids[row]!;
    if (segment < 0 || segment >= numSegments) continue;
    for (let i = 0, from = row * width, to = segment * width; i < width; i++, from++, to++) sums[to]! += values[from]!;
  }
  return output;
};
