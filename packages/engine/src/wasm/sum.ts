/**
 * Sum for the wasm backend along axes before the last one, such as the positions of an image. The backend's own
 * kernel transposes the whole tensor first, which takes several times as long as the additions.
 */
import { backend_util, util, type KernelFunc, type TensorInfo } from "@tensorflow/tfjs-core";
import { floats, makeFloats, wasmBackend } from "./heap.js";

interface Attributes {
  readonly axis: number | number[];
  readonly keepDims?: boolean;
}

/**
 * x float32 -> sums along `axis`, added up in float64. Other dtypes, sums along the last axis and axes with
 * gaps between them run in the backend's kernel.
 *
 * @param own the backend's kernel
 */
export function sumBeforeLast(own: KernelFunc): KernelFunc {
  return (call) => {
    const wasm = wasmBackend(call.backend);
    const { x } = call.inputs as { x: TensorInfo };
    const { axis, keepDims } = call.attrs as unknown as Attributes;
    const axes = util.parseAxisParam(axis, x.shape).sort((a, b) => a - b);
    const [first, last] = [axes[0] ?? 0, axes.at(-1) ?? 0];
    const isRun = axes.length > 0 && last - first === axes.length - 1;
    const inner = util.sizeFromShape(x.shape.slice(last + 1));
    if (x.dtype !== "float32" || !isRun || inner <= 1 || util.sizeFromShape(x.shape) === 0) return own(call);
    const outer = util.sizeFromShape(x.shape.slice(0, first));
    const length = util.sizeFromShape(x.shape.slice(first, last + 1));
    const [shape] = backend_util.computeOutAndReduceShapes(x.shape, axes);
    const output = makeFloats(wasm, keepDims ? backend_util.expandShapeToKeepDim(shape, axes) : shape);
    const [values, sums] = [floats(wasm, x), floats(wasm, output)];
    for (let row = 0; row < outer; row++) {
      const [from, to] = [row * inner * length, row * inner];
      addRows(values.subarray(from, from + inner * length), inner, sums.subarray(to, to + inner));
    }
    return output;
  };
}

/** values `[length, columns]` -> sums `[columns]`. Eight columns at a time: their totals stay in registers. */
function addRows(values: Float32Array, columns: number, sums: Float32Array): void {
  const whole = columns - (columns % 8);
  for (let column = 0; column < whole; column += 8) {
    let [a, b, c, d, e, f, g, h] = [0, 0, 0, 0, 0, 0, 0, 0];
    for (let at = column; at < values.length; at += columns) {
      a += values[at]!;
      b += values[at + 1]!;
      c += values[at + 2]!;
      d += values[at + 3]!;
      e += values[at + 4]!;
      f += values[at + 5]!;
      g += values[at + 6]!;
      h += values[at + 7]!;
    }
    sums.set([a, b, c, d, e, f, g, h], column);
  }
  for (let column = whole; column < columns; column++) {
    let total = 0;
    for (let at = column; at < values.length; at += columns) total += values[at]!;
    sums[column] = total;
  }
}
