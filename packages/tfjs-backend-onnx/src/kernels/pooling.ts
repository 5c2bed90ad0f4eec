/** Maximum and average pooling with gradients, [n,h,w,c]. */
import { backend_util } from "@tensorflow/tfjs-core";
import { sizeOf, type Graph, type Value } from "../graph/graph.js";
import * as b from "./builder.js";
import { convTransposeNchw } from "./convolution.js";
import { defineKernel, type OnnxKernel } from "./define.js";
import { fromNchw, padsOf, toNchw, withOutput, type Geometry } from "./geometry.js";

interface PoolAttributes {
  readonly filterSize: [number, number] | number;
  readonly strides: [number, number] | number;
  readonly pad: "valid" | "same" | number;
  readonly dimRoundingMode?: "floor" | "round" | "ceil";
}

function geometryOf(x: Value, { filterSize, strides, pad, dimRoundingMode }: PoolAttributes): Geometry {
  return backend_util.computePool2DInfo(
    [...x.shape] as [number, number, number, number],
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
}

function poolAttributes(info: Geometry): Record<string, number[]> {
  return {
    kernel_shape: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    pads: padsOf(info),
  };
}

function pool(graph: Graph, op: "MaxPool" | "AveragePool", x: Value, info: Geometry): Value {
  const input = toNchw(graph, x, info);
  const shape = [info.batchSize, info.inChannels, info.outHeight, info.outWidth];
  return fromNchw(graph, graph.add(op, [input], { type: x.type, shape }, { attributes: poolAttributes(info) }), info);
}

/** Adds each dy to the first maximum of its window. */
function maxPoolGradient(
  graph: Graph,
  dy: Value,
  x: Value,
  info: Geometry,
  backend: { feed(values: number[], shape: number[], type: "float32"): Value },
): Value {
  const input = toNchw(graph, x, info);
  const shape = [info.batchSize, info.inChannels, info.outHeight, info.outWidth];
  const results = [
    { type: x.type, shape },
    { type: "int64" as const, shape },
  ];
  const [, indices] = graph.addMany("MaxPool", [input], results, { attributes: poolAttributes(info) });
  const zeros = b.expand(graph, backend.feed([0], [], "float32"), [sizeOf(input.shape)]);
  const flat = [sizeOf(shape)];
  const inputs = [zeros, b.reshape(graph, indices!, flat), b.reshape(graph, toNchw(graph, dy, info), flat)];
  const scattered = graph.add(
    "ScatterElements",
    inputs,
    { type: "float32", shape: zeros.shape },
    { attributes: { axis: 0, reduction: "add" } },
  );
  return fromNchw(graph, b.reshape(graph, scattered, input.shape), info);
}

/**
 * Divides by the full window also at the border, as tfjs's backends do, although it has fewer
 * pixels.
 */
function averagePoolGradient(graph: Graph, dy: Value, info: Geometry): Value {
  const { filterHeight, filterWidth, inChannels } = info;
  const weight = graph.scalar(1 / (filterHeight * filterWidth), "float32");
  const filter = b.expand(graph, weight, [inChannels, 1, filterHeight, filterWidth]);
  return fromNchw(graph, convTransposeNchw(graph, toNchw(graph, dy, info), filter, info, inChannels), info);
}

export const poolingKernels: readonly OnnxKernel[] = [
  defineKernel<PoolAttributes>("MaxPool", (graph, { x }, attributes) =>
    pool(graph, "MaxPool", x!, geometryOf(x!, attributes)),
  ),
  defineKernel<PoolAttributes>("AvgPool", (graph, { x }, attributes) =>
    pool(graph, "AveragePool", b.cast(graph, x!, "float32"), geometryOf(x!, attributes)),
  ),
  defineKernel<PoolAttributes>("MaxPoolGrad", (graph, { dy, input }, attributes, backend) =>
    maxPoolGradient(graph, dy!, input!, withOutput(geometryOf(input!, attributes), dy!), backend),
  ),
  defineKernel<PoolAttributes>("AvgPoolGrad", (graph, { dy, input }, attributes) =>
    averagePoolGradient(graph, dy!, withOutput(geometryOf(input!, attributes), dy!)),
  ),
];
