/**
 * Resizing of images [n,h,w,c], nearest and bilinear, with gradients. tfjs's formulas give the
 * input rows of an output row, which are constants of the graph. The gradient is the exact
 * transpose of the forward pass; that of tfjs's cpu backend ignores halfPixelCenters.
 */
import type { Graph, Value } from "../graph/graph.js";
import * as b from "./builder.js";
import { defineKernel, type OnnxKernel } from "./define.js";

interface ResizeAttributes {
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
  readonly size: [number, number];
}

/** For each output row: the two input rows that it mixes, and the share of the second. */
interface Taps {
  readonly low: number[];
  readonly high: number[];
  readonly share: number[];
}

type Sampler = (
  input: number,
  output: number,
  attributes: Pick<ResizeAttributes, "alignCorners" | "halfPixelCenters">,
) => Taps;

function ratio(input: number, output: number, alignCorners: boolean): number {
  const aligned = alignCorners && output > 1;
  return (aligned ? input - 1 : input) / (aligned ? output - 1 : output);
}

const bilinear: Sampler = (input, output, { alignCorners, halfPixelCenters }) => {
  const step = ratio(input, output, alignCorners);
  const taps: Taps = { low: [], high: [], share: [] };
  for (let index = 0; index < output; index++) {
    const source = halfPixelCenters ? step * (index + 0.5) - 0.5 : step * index;
    const low = Math.max(0, Math.floor(source));
    const high = Math.max(0, Math.min(input - 1, Math.ceil(source)));
    taps.low.push(low);
    taps.high.push(high);
    taps.share.push(low === high ? 0 : source - low);
  }
  return taps;
};

const nearest: Sampler = (input, output, { alignCorners, halfPixelCenters }) => {
  const step = ratio(input, output, alignCorners);
  const low = Array.from({ length: output }, (_, index) => {
    const source = step * (halfPixelCenters ? index + 0.5 : index);
    return Math.max(0, Math.min(input - 1, alignCorners ? Math.round(source) : Math.floor(source)));
  });
  return { low, high: low, share: low.map(() => 0) };
};

function resizeAxis(graph: Graph, x: Value, axis: 1 | 2, { low, high, share }: Taps): Value {
  const pick = (rows: number[]): Value =>
    rows.length === x.shape[axis] && rows.every((row, index) => row === index)
      ? x
      : b.gather(graph, x, graph.int64(rows), axis);
  const first = pick(low);
  if (share.every((part) => part === 0)) return first;
  const weights = graph.constant(share, axis === 1 ? [share.length, 1, 1] : [share.length, 1], "float32");
  return b.add(graph, first, b.mul(graph, b.sub(graph, pick(high), first), weights));
}

/** The matrix [input, output] of the gradient of one axis: column o holds the shares of o. */
function shares(graph: Graph, input: number, { low, high, share }: Taps): Value {
  const output = low.length;
  const matrix = new Float32Array(input * output);
  for (let index = 0; index < output; index++) {
    matrix[low[index]! * output + index]! += 1 - share[index]!;
    matrix[high[index]! * output + index]! += share[index]!;
  }
  return graph.constant(matrix, [input, output], "float32");
}

function resize(name: string, sampler: Sampler): OnnxKernel {
  return defineKernel<ResizeAttributes>(name, (graph, { images }, attributes) => {
    // Nearest keeps the type; bilinear is always float32.
    const x = sampler === nearest ? images! : b.cast(graph, images!, "float32");
    const [, height, width] = x.shape as [number, number, number, number];
    const rows = resizeAxis(graph, x, 1, sampler(height, attributes.size[0], attributes));
    return resizeAxis(graph, rows, 2, sampler(width, attributes.size[1], attributes));
  });
}

function resizeGradient(name: string, sampler: Sampler): OnnxKernel {
  return defineKernel<ResizeAttributes>(name, (graph, { images, dy }, attributes) => {
    const [n, height, width, channels] = images!.shape as [number, number, number, number];
    const [, outHeight, outWidth] = dy!.shape as [number, number, number, number];
    const alongRows = b.matmul(
      graph,
      shares(graph, height, sampler(height, outHeight, attributes)),
      b.reshape(graph, dy!, [n, outHeight, outWidth * channels]),
    );
    const columns = b.reshape(graph, alongRows, [n, height, outWidth, channels]);
    return b.matmul(graph, shares(graph, width, sampler(width, outWidth, attributes)), columns);
  });
}

export const resizeKernels: readonly OnnxKernel[] = [
  resize("ResizeNearestNeighbor", nearest),
  resize("ResizeBilinear", bilinear),
  resizeGradient("ResizeNearestNeighborGrad", nearest),
  resizeGradient("ResizeBilinearGrad", bilinear),
];
