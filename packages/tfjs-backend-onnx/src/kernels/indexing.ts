/** Kernels that read or write at indices from an integer tensor. */
import { backend_util, gather_util, scatter_util } from "@tensorflow/tfjs-core";
import type { OnnxBackend } from "../backend.js";
import { sizeOf, type Graph, type Value } from "../graph/graph.js";
import * as b from "./builder.js";
import { defineKernel, type OnnxKernel } from "./define.js";

/** Zeros from one fed element, so that no session keeps a large constant. */
export function zeros(
  graph: Graph,
  backend: OnnxBackend,
  shape: readonly number[],
  type: "float32" | "int32" | "bool",
): Value {
  return b.expand(graph, backend.feed([0], [], type), shape);
}

function gatherKernel(graph: Graph, x: Value, indices: Value, axis: number, batchDims: number): Value {
  const resolvedAxis = axis < 0 ? axis + x.shape.length : axis;
  const index = b.cast(graph, indices, "int32");
  if (batchDims === 0) return b.gather(graph, x, index, resolvedAxis);
  const info = backend_util.segment_util.collectGatherOpShapeInfo(
    { shape: [...x.shape] } as never,
    { shape: [...indices.shape] } as never,
    resolvedAxis,
    batchDims,
  );
  const { batchSize, outerSize, dimSize, sliceSize, outputShape } = info;
  const count = sizeOf(indices.shape) / batchSize;
  // All batches in one table of rows, with indices shifted to their batch.
  const table = b.reshape(
    graph,
    b.transpose(graph, b.reshape(graph, x, [batchSize, outerSize, dimSize, sliceSize]), [0, 2, 1, 3]),
    [batchSize * dimSize, outerSize * sliceSize],
  );
  const offsets = b.reshape(graph, b.mul(graph, b.arange(graph, batchSize, "int32"), graph.scalar(dimSize, "int32")), [
    batchSize,
    1,
  ]);
  const rowIndices = b.add(graph, b.reshape(graph, index, [batchSize, count]), offsets);
  const rows = b.reshape(graph, b.gather(graph, table, rowIndices, 0), [batchSize, count, outerSize, sliceSize]);
  return b.reshape(graph, b.transpose(graph, rows, [0, 2, 1, 3]), outputShape);
}

/** Writes (or adds) updates to target at indices [.., depth]. */
function scatter(graph: Graph, target: Value, indices: Value, updates: Value, reduction: "none" | "add"): Value {
  const shape = [...target.shape];
  const index = { shape: [...indices.shape], rank: indices.shape.length };
  const { sliceRank, numUpdates } = scatter_util.calculateShapes(
    { shape: [...updates.shape] } as never,
    index as never,
    shape,
  );
  const rows = b.reshape(graph, b.cast(graph, indices, "int64"), [numUpdates, sliceRank]);
  if (reduction === "add") return scatterAdd(graph, target, rows, updates);
  const inputs = [target, rows, b.reshape(graph, updates, [numUpdates, ...shape.slice(sliceRank)])];
  return graph.add("ScatterND", inputs, { type: target.type, shape }, { attributes: { reduction } });
}

/**
 * Uses ScatterElements, which runs on one thread. ScatterND with reduction loses additions: its
 * threads add to the same row at once. rows int64 [updates, depth]
 */
function scatterAdd(graph: Graph, target: Value, rows: Value, updates: Value): Value {
  const [count, depth] = rows.shape as [number, number];
  const indexed = target.shape.slice(0, depth);
  const slice = sizeOf(target.shape.slice(depth));
  const flat = [sizeOf(indexed), slice];
  let rowIndices = b.gather(graph, rows, graph.scalar(0, "int64"), 1);
  for (let axis = 1; axis < depth; axis++) {
    const next = b.gather(graph, rows, graph.scalar(axis, "int64"), 1);
    rowIndices = b.add(graph, b.mul(graph, rowIndices, graph.scalar(indexed[axis]!, "int64")), next);
  }
  const index = b.expand(graph, b.reshape(graph, rowIndices, [count, 1]), [count, slice]);
  const inputs = [b.reshape(graph, target, flat), index, b.reshape(graph, updates, [count, slice])];
  const attributes = { axis: 0, reduction: "add" };
  const sums = graph.add("ScatterElements", inputs, { type: target.type, shape: flat }, { attributes });
  return b.reshape(graph, sums, [...target.shape]);
}

/** Counts integers below `size`, or sums their weights. Ignores larger ones. x [n] or [rows,n]. */
function binCount(graph: Graph, backend: OnnxBackend, x: Value, weights: Value, size: number, binary: boolean): Value {
  const values = b.cast(graph, x, "int32");
  const type = weights.type as "float32" | "int32";
  const given = sizeOf(weights.shape) > 0 && !binary;
  const amount = given ? weights : b.expand(graph, backend.feed([1], [], type), values.shape);
  if (x.shape.length === 1) return segmentSum(graph, backend, amount, values, size);
  // One table for all rows. Out-of-range values get an id that segmentSum drops.
  const [rows] = x.shape as [number, number];
  const limit = graph.scalar(size, "int32");
  const offsets = b.reshape(graph, b.mul(graph, b.arange(graph, rows, "int32"), limit), [rows, 1]);
  const inside = b.binary(
    graph,
    "And",
    b.less(graph, values, limit),
    b.binary(graph, "GreaterOrEqual", values, graph.scalar(0, "int32"), "bool"),
  );
  const ids = b.where(graph, inside, b.add(graph, values, offsets), graph.scalar(-1, "int32"));
  const counts = b.reshape(graph, segmentSum(graph, backend, amount, ids, rows * size), [rows, size]);
  if (!binary) return counts;
  const hit = b.less(graph, graph.scalar(0, type), counts);
  return b.where(graph, hit, graph.scalar(1, type), graph.scalar(0, type));
}

/** Sums the rows of x by id. Ignores ids outside [0, count), as tfjs does. */
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
    const described = [params!, indices!].map(({ shape, type }) => ({
      shape: [...shape],
      rank: shape.length,
      dtype: type === "float32" ? type : "int32",
    }));
    gather_util.prepareAndValidate(described[0] as never, described[1] as never);
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
  defineKernel<{ size: number }>("Bincount", (graph, { x, weights }, { size }, backend) =>
    binCount(graph, backend, b.reshape(graph, x!, [sizeOf(x!.shape)]), weights!, size, false),
  ),
  defineKernel<{ size: number; binaryOutput: boolean }>(
    "DenseBincount",
    (graph, { x, weights }, { size, binaryOutput }, backend) => {
      if (x!.shape.length > 1 || !binaryOutput) return binCount(graph, backend, x!, weights!, size, binaryOutput);
      return b.reshape(graph, binCount(graph, backend, b.reshape(graph, x!, [1, x!.shape[0]!]), weights!, size, true), [
        size,
      ]);
    },
  ),
  defineKernel("Diag", (graph, { x }, _, backend) => {
    const size = sizeOf(x!.shape);
    const rowIndices = b.arange(graph, size, "int32");
    const diagonal = b.equal(graph, b.reshape(graph, rowIndices, [size, 1]), rowIndices);
    const matrix = b.where(graph, diagonal, b.reshape(graph, x!, [size]), backend.feed([0], [], x!.type as "float32"));
    return b.reshape(graph, matrix, [...x!.shape, ...x!.shape]);
  }),
  defineKernel<OneHotAttributes>("OneHot", (graph, { indices }, { depth, onValue, offValue, dtype }) => {
    const type = dtype ?? "int32";
    const rowIndices = b.reshape(graph, b.cast(graph, indices!, "int32"), [...indices!.shape, 1]);
    const hit = b.equal(graph, rowIndices, b.arange(graph, depth, "int32"));
    return b.where(graph, hit, graph.scalar(onValue, type), graph.scalar(offValue, type));
  }),
];
