/**
 * Kernels that reduce axes, search along one, or run along one (cumulative sums, top-k, softmax).
 */
import { util } from "@tensorflow/tfjs-core";
import { sizeOf, type Graph, type Value } from "../graph/graph.js";
import * as b from "./builder.js";
import { defineKernel, type OnnxKernel } from "./define.js";

interface ReductionAttributes {
  readonly axis: number | number[];
  /** The name that tfjs' Max gives to its axes. */
  readonly reductionIndices?: number | number[];
  readonly keepDims?: boolean;
}

/** The kernel of an ONNX reduction. `ofNothing` is its value for no elements. */
function reduction(
  name: string,
  build: (graph: Graph, x: Value, axes: number[], keep: boolean) => Value,
  ofNothing: number,
): OnnxKernel {
  return defineKernel<ReductionAttributes>(name, (graph, { x }, { axis, reductionIndices, keepDims = false }) => {
    const axes = util.parseAxisParam(reductionIndices ?? axis, [...x!.shape]);
    if (sizeOf(x!.shape) > 0) return build(graph, x!, axes, keepDims);
    const shape = x!.shape.flatMap((size, index) => (axes.includes(index) ? (keepDims ? [1] : []) : [size]));
    return b.expand(graph, graph.scalar(ofNothing, x!.type), shape);
  });
}

/** Longer sums take two stages: ONNX Runtime's single float32 accumulator would lose digits. */
const LONG_SUM = 1024;

/** ReduceSum or ReduceMean, in two stages for many elements in the first or last axes. */
function accurate(
  graph: Graph,
  op: "ReduceSum" | "ReduceMean" | "ReduceProd",
  x: Value,
  axes: number[],
  keep: boolean,
): Value {
  const rank = x.shape.length;
  const count = sizeOf(axes.map((axis) => x.shape[axis]!));
  const leading = axes.every((axis) => axis < axes.length);
  const trailing = axes.every((axis) => axis >= rank - axes.length);
  if (op === "ReduceProd" || count < LONG_SUM || !(leading || trailing)) return b.reduce(graph, op, x, axes, keep);
  const inner = divisorNearRoot(count);
  if (inner === 1) return b.reduce(graph, op, x, axes, keep);
  const rest = sizeOf(x.shape) / count;
  const shape = x.shape.flatMap((size, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [size]));
  const parts = b.reshape(graph, x, leading ? [count / inner, inner, rest] : [rest, count / inner, inner]);
  const sums = b.reduce(graph, op, parts, [leading ? 1 : 2]);
  return b.reshape(graph, b.reduce(graph, op, sums, [leading ? 0 : 1]), shape);
}

function divisorNearRoot(count: number): number {
  for (let divisor = Math.floor(Math.sqrt(count)); divisor > 1; divisor--) if (count % divisor === 0) return divisor;
  return 1;
}

const counting = (op: "ReduceSum" | "ReduceProd") => (graph: Graph, x: Value, axes: number[], keep: boolean) =>
  accurate(graph, op, x.type === "bool" ? b.cast(graph, x, "int32") : x, axes, keep);

/** ONNX Runtime's extremes ignore NaN; in tfjs one NaN makes the result NaN. */
const extreme = (op: "ReduceMax" | "ReduceMin") => (graph: Graph, x: Value, axes: number[], keep: boolean) => {
  if (x.type === "bool") return b.cast(graph, b.reduce(graph, op, b.cast(graph, x, "int32"), axes, keep), "bool");
  const result = b.reduce(graph, op, x, axes, keep);
  if (x.type !== "float32" || axes.length === 0) return result;
  const isNan = b.cast(graph, b.unary(graph, "IsNaN", x, { type: "bool" }), "uint8");
  const poisoned = b.cast(graph, b.reduce(graph, "ReduceMax", isNan, axes, keep), "bool");
  return b.where(graph, poisoned, graph.scalar(NaN, "float32"), result);
};

const logical = (op: "ReduceMax" | "ReduceMin") => (graph: Graph, x: Value, axes: number[], keep: boolean) =>
  b.cast(graph, b.reduce(graph, op, b.cast(graph, b.cast(graph, x, "bool"), "int32"), axes, keep), "bool");

function position(name: string, op: string): OnnxKernel {
  return defineKernel<{ axis: number | number[] }>(name, (graph, { x }, { axis }) => {
    const resolvedAxis = util.parseAxisParam(axis, [...x!.shape])[0]!;
    let value = x!.type === "bool" ? b.cast(graph, x!, "int32") : x!;
    if (value.type === "float32") {
      // tfjs ignores NaN.
      const loser = graph.scalar(op === "ArgMax" ? -Infinity : Infinity, "float32");
      value = b.where(graph, b.unary(graph, "IsNaN", value, { type: "bool" }), loser, value);
    }
    const shape = x!.shape.filter((_, other) => other !== resolvedAxis);
    return b.cast(
      graph,
      graph.add(op, [value], { type: "int64", shape }, { attributes: { axis: resolvedAxis, keepdims: 0 } }),
      "int32",
    );
  });
}

interface CumulativeAttributes {
  readonly axis: number;
  readonly exclusive: boolean;
  readonly reverse: boolean;
}

/** Products by doubling: after step s every element is the product of the 2s elements up to it. */
function cumulativeProduct(graph: Graph, x: Value, { axis, exclusive, reverse }: CumulativeAttributes): Value {
  const count = x.shape[axis]!;
  const shifted = (value: Value, by: number): Value => {
    const begin = value.shape.map((_, index) => (index === axis && reverse ? by : 0));
    const size = value.shape.map((full, index) => (index === axis ? full - by : full));
    const paddings = value.shape.map((_, index): [number, number] =>
      index !== axis ? [0, 0] : reverse ? [0, by] : [by, 0],
    );
    return b.pad(graph, b.slice(graph, value, begin, size), paddings, 1);
  };
  let product = exclusive ? shifted(x, 1) : x;
  for (let step = 1; step < count; step *= 2) product = b.mul(graph, product, shifted(product, step));
  return product;
}

export function softmax(graph: Graph, x: Value, op: "Softmax" | "LogSoftmax", axis: number): Value {
  const resolvedAxis = axis < 0 ? axis + x.shape.length : axis;
  return b.unary(graph, op, b.cast(graph, x, "float32"), { attributes: { axis: resolvedAxis } });
}

export const reductionKernels: readonly OnnxKernel[] = [
  reduction("Sum", counting("ReduceSum"), 0),
  reduction("Prod", counting("ReduceProd"), 1),
  reduction(
    "Mean",
    (graph, x, axes, keep) => accurate(graph, "ReduceMean", b.cast(graph, x, "float32"), axes, keep),
    NaN,
  ),
  reduction("Max", extreme("ReduceMax"), -Infinity),
  reduction("Min", extreme("ReduceMin"), Infinity),
  reduction("Any", logical("ReduceMax"), 0),
  reduction("All", logical("ReduceMin"), 1),
  position("ArgMax", "ArgMax"),
  position("ArgMin", "ArgMin"),
  defineKernel<{ dim: number }>("Softmax", (graph, { logits }, { dim }) => softmax(graph, logits!, "Softmax", dim)),
  defineKernel<{ axis: number }>("LogSoftmax", (graph, { logits }, { axis }) =>
    softmax(graph, logits!, "LogSoftmax", axis),
  ),
  defineKernel<CumulativeAttributes>("Cumsum", (graph, { x }, { axis, exclusive, reverse }) => {
    const attributes = { exclusive: exclusive ? 1 : 0, reverse: reverse ? 1 : 0 };
    const value = x!.type === "bool" ? b.cast(graph, x!, "int32") : x!;
    return graph.add("CumSum", [value, graph.int64(axis)], { type: value.type, shape: x!.shape }, { attributes });
  }),
  defineKernel<CumulativeAttributes>("Cumprod", (graph, { x }, attributes) =>
    cumulativeProduct(graph, x!.type === "bool" ? b.cast(graph, x!, "int32") : x!, attributes),
  ),
  defineKernel<{ k: number; sorted: boolean }>("TopK", (graph, { x }, { k }) => {
    const shape = [...x!.shape.slice(0, -1), k];
    const attributes = { axis: x!.shape.length - 1, largest: 1, sorted: 1 };
    const value = x!.type === "bool" ? b.cast(graph, x!, "int32") : x!;
    const results = [
      { type: value.type, shape },
      { type: "int64" as const, shape },
    ];
    const [values, indices] = graph.addMany("TopK", [value, graph.int64([k])], results, { attributes });
    return [b.cast(graph, values!, x!.type), b.cast(graph, indices!, "int32")];
  }),
];
