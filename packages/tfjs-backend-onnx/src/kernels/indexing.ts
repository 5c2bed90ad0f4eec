/** Kernels that read or write at places given by an integer tensor. */
import { backend_util } from "@tensorflow/tfjs-core";
import type { OnnxBackend } from "../backend.js";
import { sizeOf, type Graph, type Value } from "../graph/graph.js";
import * as b from "./builder.js";
import { defineKernel, type OnnxKernel } from "./define.js";

/** Zeros whose value is fed, so that no session keeps a large constant. */
export function zeros(
  graph: Graph,
  backend: OnnxBackend,
  shape: readonly number[],
  type: "float32" | "int32" | "bool",
): Value {
  return b.expand(graph, backend.feed([0], [], type), shape);
}

function gatherKernel(graph: Graph, x: Value, indices: Value, axis: number, batchDims: number): Value {
  const place = axis < 0 ? axis + x.shape.length : axis;
  const index = b.cast(graph, indices, "int32");
  if (batchDims === 0) return b.gather(graph, x, index, place);
  const info = backend_util.segment_util.collectGatherOpShapeInfo(
    { shape: [...x.shape] } as never,
    { shape: [...indices.shape] } as never,
    place,
    batchDims,
  );
  const { batchSize, outerSize, dimSize, sliceSize, outputShape } = info;
  const count = sizeOf(indices.shape) / batchSize;
  // All batches in one table of rows, the indices moved to their batch's part of it.
  const table = b.reshape(
    graph,
    b.transpose(graph, b.reshape(graph, x, [batchSize, outerSize, dimSize, sliceSize]), [0, 2, 1, 3]),
    [batchSize * dimSize, outerSize * sliceSize],
  );
  const offsets = b.reshape(graph, b.mul(graph, b.arange(graph, batchSize, "int32"), graph.scalar(dimSize, "int32")), [
    batchSize,
    1,
  ]);
  const places = b.add(graph, b.reshape(graph, index, [batchSize, count]), offsets);
  const rows = b.reshape(graph, b.gather(graph, table, places, 0), [batchSize, count, outerSize, sliceSize]);
  return b.reshape(graph, b.transpose(graph, rows, [0, 2, 1, 3]), outputShape);
}

/** target with updates written (or added) at indices [.., depth]. */
function scatter(graph: Graph, target: Value, indices: Value, updates: Value, reduction: "none" | "add"): Value {
  const inputs = [target, b.cast(graph, indices, "int64"), updates];
  return graph.add("ScatterND", inputs, { type: target.type, shape: target.shape }, { attributes: { reduction } });
}

/** Sums of the rows of x that carry the same id; ids outside [0, count) are left out, as tfjs does. */
function segmentSum(graph: Graph, backend: OnnxBackend, x: Value, ids: Value, count: number): Value {
  const rank = ids.shape.length;
  const rows = sizeOf(ids.shape);
  const rest = x.shape.slice(rank);
  const result = [count, ...rest];
  if (sizeOf(x.shape) === 0) return zeros(graph, backend, result, x.type as "float32");
  const flatIds = b.reshape(graph, b.cast(graph, ids, "int32"), [rows]);
  const flat = b.reshape(graph, x, [rows, sizeOf(rest)]);
  const [low, high] = [graph.scalar(0, "int32"), graph.scalar(count, "int32")];
  const inside = b.binary(
    graph,
    "And",
    b.binary(graph, "GreaterOrEqual", flatIds, low, "bool"),
    b.less(graph, flatIds, high),
  );
  const safe = b.reshape(graph, b.where(graph, inside, flatIds, low), [rows, 1]);
  const kept = b.where(graph, b.reshape(graph, inside, [rows, 1]), flat, graph.scalar(0, x.type));
  return b.reshape(
    graph,
    scatter(graph, zeros(graph, backend, [count, sizeOf(rest)], x.type as "float32"), safe, kept, "add"),
    result,
  );
}

interface OneHotAttributes {
  readonly depth: number;
  readonly onValue: number;
  readonly offValue: number;
  readonly dtype?: "float32" | "int32" | "bool";
}

export const indexingKernels: readonly OnnxKernel[] = [
  defineKernel<{ axis: number; batchDims: number }>("GatherV2", (graph, { x, indices }, { axis, batchDims }) =>
    gatherKernel(graph, x!, indices!, axis, batchDims ?? 0),
  ),
  defineKernel("GatherNd", (graph, { params, indices }) => {
    const depth = indices!.shape.at(-1)!;
    const shape = [...indices!.shape.slice(0, -1), ...params!.shape.slice(depth)];
    return graph.add("GatherND", [params!, b.cast(graph, indices!, "int64")], { type: params!.type, shape });
  }),
  defineKernel<{ shape: number[] }>("ScatterNd", (graph, { indices, updates }, { shape }, backend) =>
    scatter(graph, zeros(graph, backend, shape, updates!.type as "float32"), indices!, updates!, "add"),
  ),
  defineKernel("TensorScatterUpdate", (graph, { tensor, indices, updates }) =>
    scatter(graph, tensor!, indices!, updates!, "none"),
  ),
  defineKernel<{ numSegments: number }>("UnsortedSegmentSum", (graph, { x, segmentIds }, { numSegments }, backend) =>
    segmentSum(graph, backend, x!, segmentIds!, numSegments),
  ),
  defineKernel<OneHotAttributes>("OneHot", (graph, { indices }, { depth, onValue, offValue, dtype }) => {
    const type = dtype ?? "int32";
    const places = b.reshape(graph, b.cast(graph, indices!, "int32"), [...indices!.shape, 1]);
    const hit = b.equal(graph, places, b.arange(graph, depth, "int32"));
    return b.where(graph, hit, graph.scalar(onValue, type), graph.scalar(offValue, type));
  }),
];
