/**
 * Small functions for kernels: each records one or a few ONNX operators and computes the shape of
 * the result. Independent of tfjs's kernels.
 */
import { backend_util, util } from "@tensorflow/tfjs-core";
import { sizeOf, type Graph, type NodeOptions, type Value } from "../graph/graph.js";
import { float, onnxTypeCode, type OnnxType } from "../onnx/model.js";

export const MICROSOFT = "com.microsoft";
export { float };

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** An operator on one input whose result has the input's shape. */
export function unary(graph: Graph, op: string, x: Value, options?: NodeOptions & { type?: OnnxType }): Value {
  return graph.add(op, [x], { type: options?.type ?? x.type, shape: x.shape }, options);
}

/** An operator on two inputs that broadcast against each other. */
export function binary(
  graph: Graph,
  op: string,
  a: Value,
  b: Value,
  type: OnnxType = a.type,
  options?: NodeOptions,
): Value {
  const shape = sameShape(a.shape, b.shape)
    ? a.shape
    : backend_util.assertAndGetBroadcastShape([...a.shape], [...b.shape]);
  return graph.add(op, [a, b], { type, shape }, options);
}

export const add = (graph: Graph, a: Value, b: Value): Value => binary(graph, "Add", a, b);
export const sub = (graph: Graph, a: Value, b: Value): Value => binary(graph, "Sub", a, b);
export const mul = (graph: Graph, a: Value, b: Value): Value => binary(graph, "Mul", a, b);
export const div = (graph: Graph, a: Value, b: Value): Value => binary(graph, "Div", a, b);
export const equal = (graph: Graph, a: Value, b: Value): Value => binary(graph, "Equal", a, b, "bool");
export const less = (graph: Graph, a: Value, b: Value): Value => binary(graph, "Less", a, b, "bool");

/**
 * Conversion by JavaScript's rules: from float to int32 it truncates and wraps modulo 2^32; NaN and
 * infinities become 0.
 */
export function cast(graph: Graph, x: Value, type: OnnxType): Value {
  if (x.type === type) return x;
  if (type === "int32" && (x.type === "float32" || x.type === "float64")) {
    // x86 converts out-of-range values to -2^63, with a low half of 0 as in JavaScript. Other
    // processors saturate.
    const finite =
      process.arch === "x64"
        ? x
        : where(graph, less(graph, unary(graph, "Abs", x), graph.scalar(2 ** 62, x.type)), x, graph.scalar(0, x.type));
    // The mask only prevents ONNX Runtime from merging the two conversions into a saturating one.
    const low = binary(graph, "BitwiseAnd", castRaw(graph, finite, "int64"), graph.scalar(2 ** 32 - 1, "int64"));
    return castRaw(graph, low, "int32");
  }
  return castRaw(graph, x, type);
}

function castRaw(graph: Graph, x: Value, type: OnnxType): Value {
  return unary(graph, "Cast", x, { type, attributes: { to: onnxTypeCode(type) } });
}

/**
 * c ? a : b, all three broadcast. ONNX Runtime has no Where for bool on the CPU; it goes through
 * uint8.
 */
export function where(graph: Graph, condition: Value, a: Value, b: Value): Value {
  if (a.type === "bool")
    return cast(graph, where(graph, condition, cast(graph, a, "uint8"), cast(graph, b, "uint8")), "bool");
  const shape = backend_util.assertAndGetBroadcastShape(
    backend_util.assertAndGetBroadcastShape([...condition.shape], [...a.shape]),
    [...b.shape],
  );
  return graph.add("Where", [condition, a, b], { type: a.type, shape });
}

export function reshape(graph: Graph, x: Value, shape: readonly number[]): Value {
  if (sameShape(x.shape, shape)) return x;
  return graph.add("Reshape", [x, graph.int64(shape)], { type: x.type, shape: [...shape] });
}

export function transpose(graph: Graph, x: Value, permutation: readonly number[]): Value {
  const shape = permutation.map((axis) => x.shape[axis]!);
  // Moving axes of size one moves no data.
  const moved = permutation.filter((axis) => x.shape[axis] !== 1);
  if (moved.every((axis, index) => index === 0 || moved[index - 1]! < axis)) return reshape(graph, x, shape);
  return graph.add("Transpose", [x], { type: x.type, shape }, { attributes: { perm: permutation } });
}

/** Repeats along axes of size one (and new leading axes) up to the shape. */
export function expand(graph: Graph, x: Value, shape: readonly number[]): Value {
  if (sameShape(x.shape, shape)) return x;
  return graph.add("Expand", [x, graph.int64(shape)], { type: x.type, shape: [...shape] });
}

/**
 * x[begin : begin + size * step : step] on every axis; a negative step walks downwards from
 * `begin`.
 */
export function slice(
  graph: Graph,
  x: Value,
  begin: readonly number[],
  size: readonly number[],
  steps?: readonly number[],
): Value {
  const axes: number[] = [];
  for (let axis = 0; axis < x.shape.length; axis++) {
    if (begin[axis] !== 0 || size[axis] !== x.shape[axis] || (steps?.[axis] ?? 1) !== 1) axes.push(axis);
  }
  if (axes.length === 0) return x;
  const step = (axis: number): number => steps?.[axis] ?? 1;
  const ends = axes.map((axis) => {
    const end = begin[axis]! + size[axis]! * step(axis);
    return end < 0 ? -(2 ** 40) : end;
  });
  const inputs = [
    x,
    graph.int64(axes.map((axis) => begin[axis]!)),
    graph.int64(ends),
    graph.int64(axes),
    graph.int64(axes.map(step)),
  ];
  return graph.add("Slice", inputs, { type: x.type, shape: [...size] });
}

/** Reverses some axes. */
export function reverse(graph: Graph, x: Value, axes: readonly number[]): Value {
  const backwards = x.shape.map((size, axis) => axes.includes(axis) && size > 1);
  const begin = x.shape.map((size, axis) => (backwards[axis] ? size - 1 : 0));
  return slice(
    graph,
    x,
    begin,
    x.shape,
    backwards.map((flag) => (flag ? -1 : 1)),
  );
}

/** Adds `paddings[axis] = [before, after]` elements of a constant value. */
export function pad(graph: Graph, x: Value, paddings: readonly (readonly [number, number])[], value: number): Value {
  if (paddings.every(([before, after]) => before === 0 && after === 0)) return x;
  const shape = x.shape.map((size, axis) => size + paddings[axis]![0] + paddings[axis]![1]);
  const pads = graph.int64([...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)]);
  return graph.add("Pad", [x, pads, graph.scalar(value, x.type)], { type: x.type, shape });
}

export function concat(graph: Graph, parts: readonly Value[], axis: number): Value {
  const first = parts[0]!;
  const shape = [...first.shape];
  shape[axis] = parts.reduce((sum, part) => sum + part.shape[axis]!, 0);
  const kept = parts.filter((part) => sizeOf(part.shape) > 0);
  if (kept.length === 0) return expand(graph, graph.scalar(0, first.type), shape);
  if (kept.length === 1) return kept[0]!;
  return graph.add("Concat", kept, { type: first.type, shape }, { attributes: { axis } });
}

/** Splits an axis into parts of the given sizes. */
export function split(graph: Graph, x: Value, sizes: readonly number[], axis: number): Value[] {
  if (sizes.length === 1) return [x];
  const results = sizes.map((size) => ({
    type: x.type,
    shape: x.shape.map((full, index) => (index === axis ? size : full)),
  }));
  return graph.addMany("Split", [x, graph.int64(sizes)], results, { attributes: { axis } });
}

/** ReduceSum, ReduceMax and others over non-negative axes. An empty list reduces no axis. */
export function reduce(graph: Graph, op: string, x: Value, axes: readonly number[], keepDimensions = false): Value {
  if (axes.length === 0) return x;
  const shape = x.shape.flatMap((size, axis) => (axes.includes(axis) ? (keepDimensions ? [1] : []) : [size]));
  return graph.add(
    op,
    [x, graph.int64(axes)],
    { type: x.type, shape },
    { attributes: { keepdims: keepDimensions ? 1 : 0 } },
  );
}

/**
 * Rows (entries along an axis) by int32 or int64 index; out of range is an error of ONNX Runtime.
 */
export function gather(graph: Graph, x: Value, indices: Value, axis: number): Value {
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  return graph.add("Gather", [x, indices], { type: x.type, shape }, { attributes: { axis } });
}

/** 0, 1, ... count-1 as int32 or int64, computed in the graph to keep its structure key short. */
export function arange(graph: Graph, count: number, type: "int32" | "int64"): Value {
  return graph.add("Range", [graph.scalar(0, type), graph.scalar(count, type), graph.scalar(1, type)], {
    type,
    shape: [count],
  });
}

/** A matrix product over the last two axes; leading axes broadcast. Transposing float32 is free. */
export function matmul(graph: Graph, a: Value, b: Value, transposeA = false, transposeB = false): Value {
  const [m, k] = lastTwo(a, transposeA);
  const [inner, n] = lastTwo(b, transposeB);
  util.assert(
    k === inner,
    () =>
      `matMul: inner dimensions ${k} and ${inner} of shapes [${a.shape}] and [${b.shape}] (transposed: ${transposeA}, ${transposeB}) must match.`,
  );
  const lead = backend_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const shape = [...lead, m, n];
  if (k === 0) return expand(graph, graph.scalar(0, a.type), shape);
  if (!transposeA && !transposeB) return graph.add("MatMul", [a, b], { type: a.type, shape });
  if (a.type !== "float32" || graph.portable)
    return matmul(graph, transposeA ? swapLastTwo(graph, a) : a, transposeB ? swapLastTwo(graph, b) : b);
  const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
  return graph.add("FusedMatMul", [a, b], { type: a.type, shape }, { domain: MICROSOFT, attributes });
}

function lastTwo(x: Value, swapped: boolean): [number, number] {
  const rank = x.shape.length;
  util.assert(rank >= 2, () => `matMul: a matrix is expected, got shape [${x.shape}].`);
  const [rows, columns] = [x.shape[rank - 2]!, x.shape[rank - 1]!];
  return swapped ? [columns, rows] : [rows, columns];
}

function swapLastTwo(graph: Graph, x: Value): Value {
  const axes = x.shape.map((_, axis) => axis);
  return transpose(graph, x, [...axes.slice(0, -2), axes.length - 1, axes.length - 2]);
}
