/** Kernels that move, split, concatenate, repeat or pad data. */
import { backend_util, slice_util, util } from "@tensorflow/tfjs-core";
import type { Graph, Value } from "../graph/graph.js";
import { sizeOf } from "../graph/graph.js";
import * as b from "./builder.js";
import { defineInfoKernel, defineKernel, type OnnxKernel } from "./define.js";

interface StridedSliceAttributes {
  readonly begin: number[];
  readonly end: number[];
  readonly strides: number[];
  readonly beginMask: number;
  readonly endMask: number;
  readonly ellipsisMask: number;
  readonly newAxisMask: number;
  readonly shrinkAxisMask: number;
}

function stridedSlice(graph: Graph, x: Value, a: StridedSliceAttributes): Value {
  const info = slice_util.sliceInfo(
    [...x.shape],
    a.begin,
    a.end,
    a.strides,
    a.beginMask,
    a.endMask,
    a.ellipsisMask,
    a.newAxisMask,
    a.shrinkAxisMask,
  );
  if (info.isIdentity) return b.reshape(graph, x, info.finalShape);
  const size = info.begin.map((begin, axis) => Math.max(0, Math.ceil((info.end[axis]! - begin) / info.strides[axis]!)));
  return b.reshape(graph, b.slice(graph, x, info.begin, size, info.strides), info.finalShape);
}

/** Mirrors the border: "reflect" without the border itself, "symmetric" with it. */
function mirrorPad(
  graph: Graph,
  x: Value,
  paddings: readonly (readonly [number, number])[],
  mode: "reflect" | "symmetric",
): Value {
  const offset = mode === "reflect" ? 0 : 1;
  return paddings.reduce((result, [before, after], axis) => {
    if (before === 0 && after === 0) return result;
    const size = x.shape[axis]!;
    const sources = Array.from({ length: before + size + after }, (_, index) => {
      const source = index - before;
      if (source < 0) return -source - offset;
      return source < size ? source : 2 * size - 2 - source + offset;
    });
    return b.gather(graph, result, graph.int64(sources), axis);
  }, x);
}

function depthToSpace(graph: Graph, x: Value, block: number, dataFormat: string): Value {
  if (dataFormat === "NHWC") {
    const [n, height, width, channels] = x.shape as [number, number, number, number];
    const parts = b.reshape(graph, x, [n, height, width, block, block, channels / block ** 2]);
    return b.reshape(graph, b.transpose(graph, parts, [0, 1, 3, 2, 4, 5]), [
      n,
      height * block,
      width * block,
      channels / block ** 2,
    ]);
  }
  const [n, channels, height, width] = x.shape as [number, number, number, number];
  const parts = b.reshape(graph, x, [n, block, block, channels / block ** 2, height, width]);
  return b.reshape(graph, b.transpose(graph, parts, [0, 3, 4, 1, 5, 2]), [
    n,
    channels / block ** 2,
    height * block,
    width * block,
  ]);
}

function batchToSpace(graph: Graph, x: Value, blockShape: number[], crops: number[][]): Value {
  const shape = [...x.shape];
  const blocks = sizeOf(blockShape);
  const permuted = b.transpose(
    graph,
    b.reshape(graph, x, backend_util.getReshaped(shape, blockShape, blocks)),
    backend_util.getPermuted(backend_util.getReshaped(shape, blockShape, blocks).length, blockShape.length),
  );
  const merged = backend_util.getReshapedPermuted(shape, blockShape, blocks);
  const begin = backend_util.getSliceBeginCoords(crops, blockShape.length);
  const size = backend_util.getSliceSize(merged, crops, blockShape.length);
  // Both refer to the batch and the cropped axes only.
  const starts = merged.map((_, axis) => begin[axis] ?? 0);
  const sizes = merged.map((full, axis) => size[axis] ?? full);
  return b.slice(graph, b.reshape(graph, permuted, merged), starts, sizes);
}

function spaceToBatch(graph: Graph, x: Value, blockShape: number[], paddings: [number, number][]): Value {
  const blocks = sizeOf(blockShape);
  const rest = x.shape.length - 1 - blockShape.length;
  const padded = b.pad(
    graph,
    x,
    [[0, 0], ...paddings, ...Array.from({ length: rest }, (): [number, number] => [0, 0])],
    0,
  );
  const reshaped = backend_util.getReshaped([...padded.shape], blockShape, blocks, false);
  const permutation = backend_util.getPermuted(reshaped.length, blockShape.length, false);
  const permuted = b.transpose(graph, b.reshape(graph, padded, reshaped), permutation);
  return b.reshape(graph, permuted, backend_util.getReshapedPermuted([...padded.shape], blockShape, blocks, false));
}

export const shapeKernels: readonly OnnxKernel[] = [
  defineInfoKernel<{ shape: number[] }>("Reshape", (backend, { x }, { shape }) => {
    const resolved = util.inferFromImplicitShape(shape, util.sizeFromShape(x!.shape));
    util.assert(
      util.sizeFromShape(resolved) === util.sizeFromShape(x!.shape),
      () => `The new shape (${resolved}) has not as many elements as the old one (${x!.shape}).`,
    );
    return backend.alias(x!, resolved);
  }),
  defineInfoKernel<{ dim: number }>("ExpandDims", (backend, { input }, { dim }) => {
    const shape = [...input!.shape];
    util.assert(
      -(shape.length + 1) <= dim && dim <= shape.length,
      () => `expandDims: axis ${dim} of shape [${shape}].`,
    );
    shape.splice(dim < 0 ? shape.length + dim + 1 : dim, 0, 1);
    return backend.alias(input!, shape);
  }),
  defineKernel<{ perm: number[] }>("Transpose", (graph, { x }, { perm }) => b.transpose(graph, x!, perm)),
  defineKernel<{ begin: number | number[]; size: number | number[] }>("Slice", (graph, { x }, { begin, size }) => {
    // tfjs's conventions for -1 and for short lists.
    const [starts, sizes] = slice_util.parseSliceParams(
      { shape: [...x!.shape], rank: x!.shape.length } as never,
      begin,
      size,
    );
    slice_util.assertParamsValid({ shape: [...x!.shape], rank: x!.shape.length } as never, starts!, sizes!);
    return b.slice(graph, x!, starts!, sizes!);
  }),
  defineKernel<StridedSliceAttributes>("StridedSlice", (graph, { x }, attributes) =>
    stridedSlice(graph, x!, attributes),
  ),
  defineKernel<{ axis: number }>("Concat", (graph, inputs, { axis }) => {
    const parts = Object.values(inputs);
    const resolvedAxis = util.parseAxisParam(axis, [...parts[0]!.shape])[0]!;
    backend_util.assertParamsConsistent(
      parts.map((part) => [...part.shape]),
      resolvedAxis,
    );
    return b.concat(graph, parts, resolvedAxis);
  }),
  defineKernel<{ numOrSizeSplits: number[] | number; axis: number }>(
    "SplitV",
    (graph, { x }, { numOrSizeSplits, axis }) => {
      const resolvedAxis = util.parseAxisParam(axis, [...x!.shape])[0]!;
      const sizes = backend_util.prepareSplitSize({ shape: [...x!.shape] } as never, numOrSizeSplits, resolvedAxis);
      return b.split(graph, x!, sizes, resolvedAxis);
    },
  ),
  defineKernel<{ axis: number }>("Pack", (graph, inputs, { axis }) => {
    const tensors = Object.values(inputs);
    for (const { shape, type } of tensors) {
      util.assertShapesMatch(
        [...shape],
        [...tensors[0]!.shape],
        "All tensors passed to stack must have matching shapes",
      );
      util.assert(type === tensors[0]!.type, () => "All tensors passed to stack must have matching dtypes");
    }
    const parts = tensors.map((part) =>
      b.reshape(graph, part, [...part.shape.slice(0, axis), 1, ...part.shape.slice(axis)]),
    );
    return b.concat(graph, parts, axis);
  }),
  defineKernel<{ axis: number }>("Unpack", (graph, { value }, { axis }) => {
    const resolvedAxis = axis < 0 ? axis + value!.shape.length : axis;
    const shape = value!.shape.filter((_, other) => other !== resolvedAxis);
    const parts = b.split(graph, value!, new Array<number>(value!.shape[resolvedAxis]!).fill(1), resolvedAxis);
    return parts.map((part) => b.reshape(graph, part, shape));
  }),
  defineKernel<{ reps: number[] }>("Tile", (graph, { x }, { reps }) => {
    const shape = x!.shape.map((size, axis) => size * reps[axis]!);
    return graph.add("Tile", [x!, graph.int64(reps)], { type: x!.type, shape });
  }),
  defineKernel<{ dims: number | number[] }>("Reverse", (graph, { x }, { dims }) =>
    b.reverse(graph, x!, util.parseAxisParam(dims, [...x!.shape])),
  ),
  defineKernel("FlipLeftRight", (graph, { image }) => b.reverse(graph, image!, [2])),
  defineKernel<{ paddings: [number, number][]; constantValue: number }>(
    "PadV2",
    (graph, { x }, { paddings, constantValue }) => b.pad(graph, x!, paddings, constantValue),
  ),
  defineKernel<{ paddings: [number, number][]; mode: "reflect" | "symmetric" }>(
    "MirrorPad",
    (graph, { x }, { paddings, mode }) => mirrorPad(graph, x!, paddings, mode),
  ),
  defineKernel<{ blockSize: number; dataFormat: string }>("DepthToSpace", (graph, { x }, { blockSize, dataFormat }) =>
    depthToSpace(graph, x!, blockSize, dataFormat),
  ),
  defineKernel<{ blockShape: number[]; crops: number[][] }>("BatchToSpaceND", (graph, { x }, { blockShape, crops }) =>
    batchToSpace(graph, x!, blockShape, crops),
  ),
  defineKernel<{ blockShape: number[]; paddings: [number, number][] }>(
    "SpaceToBatchND",
    (graph, { x }, { blockShape, paddings }) => spaceToBatch(graph, x!, blockShape, paddings),
  ),
];
