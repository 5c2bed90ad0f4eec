/** Element-wise kernels of two tensors with broadcasting, comparisons, logic and selection. */
import type { Graph, Value } from "../graph/graph.js";
import * as b from "./builder.js";
import { defineKernel, type OnnxKernel } from "./define.js";

type Binary = (graph: Graph, a: Value, b: Value) => Value;

/** The common type of two operands: float32 before int32 before bool. */
function common(graph: Graph, x: Value, y: Value): [Value, Value] {
  if (x.type === y.type) return [x, y];
  const type = x.type === "float32" || y.type === "float32" ? "float32" : "int32";
  return [b.cast(graph, x, type), b.cast(graph, y, type)];
}

/** Exact on int32. Bools count as 0 and 1; the result is bool again. */
function arithmetic(name: string, build: Binary): OnnxKernel {
  return defineKernel(name, (graph, inputs) => {
    const [x, y] = common(graph, inputs["a"]!, inputs["b"]!);
    if (x.type !== "bool") return build(graph, x, y);
    return b.cast(graph, build(graph, b.cast(graph, x, "int32"), b.cast(graph, y, "int32")), "bool");
  });
}

/** On int32 computed in float64, as in JavaScript: division by zero gives 0, not a crash. */
function quotient(name: string, build: Binary): OnnxKernel {
  return arithmetic(name, (graph, x, y) =>
    x.type === "float32"
      ? build(graph, x, y)
      : b.cast(graph, build(graph, b.cast(graph, x, "float64"), b.cast(graph, y, "float64")), "int32"),
  );
}

function comparison(name: string, build: Binary): OnnxKernel {
  return defineKernel(name, (graph, inputs) => {
    let [x, y] = common(graph, inputs["a"]!, inputs["b"]!);
    if (x.type === "bool") [x, y] = [b.cast(graph, x, "int32"), b.cast(graph, y, "int32")];
    return build(graph, x, y);
  });
}

function logical(name: string, op: string): OnnxKernel {
  return defineKernel(name, (graph, inputs) =>
    b.binary(graph, op, b.cast(graph, inputs["a"]!, "bool"), b.cast(graph, inputs["b"]!, "bool")),
  );
}

const op =
  (name: string, type?: "bool"): Binary =>
  (graph, x, y) =>
    b.binary(graph, name, x, y, type);

const truncatedRemainder: Binary = (graph, x, y) => b.binary(graph, "Mod", x, y, x.type, { attributes: { fmod: 1 } });

/** The remainder with the sign of the divisor, by tfjs' own formula. */
const floorMod: Binary = (graph, x, y) => {
  const zero = graph.scalar(0, x.type);
  const remainder = truncatedRemainder(graph, x, y);
  const sameSign = b.equal(graph, b.less(graph, x, zero), b.less(graph, y, zero));
  return b.where(graph, sameSign, remainder, truncatedRemainder(graph, b.add(graph, remainder, y), y));
};

const squaredDifference: Binary = (graph, x, y) => {
  const difference = b.sub(graph, x, y);
  return b.mul(graph, difference, difference);
};

/**
 * The angle of (x, y) from arctan(y / x), in the right quadrant. Two infinities or zeros give the
 * same as in JavaScript.
 */
const atan2: Binary = (graph, y, x) => {
  const type = x.type;
  const zero = graph.scalar(0, type);
  const isInfinite = (value: Value): Value => b.unary(graph, "IsInf", value, { type: "bool" });
  const diagonal = b.binary(graph, "And", isInfinite(y), isInfinite(x));
  const [dy, dx] = [y, x].map((value) => b.where(graph, diagonal, b.unary(graph, "Sign", value), value)) as [
    Value,
    Value,
  ];
  const origin = b.binary(graph, "And", b.equal(graph, y, zero), b.equal(graph, x, zero));
  const ratio = b.where(graph, origin, zero, b.div(graph, dy, dx));
  const turn = b.where(graph, b.less(graph, y, zero), graph.scalar(-Math.PI, type), graph.scalar(Math.PI, type));
  return b.add(graph, b.unary(graph, "Atan", ratio), b.where(graph, b.less(graph, x, zero), turn, zero));
};

export const binaryKernels: readonly OnnxKernel[] = [
  arithmetic("Add", b.add),
  arithmetic("Sub", b.sub),
  arithmetic("Multiply", b.mul),
  quotient("RealDiv", b.div),
  // int32 whatever the operands, as in tfjs.
  quotient("FloorDiv", (graph, x, y) => b.cast(graph, b.unary(graph, "Floor", b.div(graph, x, y)), "int32")),
  quotient("Mod", floorMod),
  quotient("Pow", op("Pow")),
  quotient("Atan2", atan2),
  arithmetic("Maximum", op("Max")),
  arithmetic("Minimum", op("Min")),
  arithmetic("SquaredDifference", squaredDifference),
  comparison("Equal", b.equal),
  comparison("NotEqual", (graph, x, y) => b.unary(graph, "Not", b.equal(graph, x, y))),
  comparison("Less", b.less),
  comparison("LessEqual", op("LessOrEqual", "bool")),
  comparison("Greater", op("Greater", "bool")),
  comparison("GreaterEqual", op("GreaterOrEqual", "bool")),
  logical("LogicalAnd", "And"),
  logical("LogicalOr", "Or"),
  logical("LogicalXor", "Xor"),
  defineKernel("BitwiseAnd", (graph, inputs) => b.binary(graph, "BitwiseAnd", inputs["a"]!, inputs["b"]!)),
  defineKernel("AddN", (graph, inputs) => Object.values(inputs).reduce((sum, value) => b.add(graph, sum, value))),
  defineKernel("EluGrad", (graph, { dy, y }) => {
    const zero = graph.scalar(0, "float32");
    const slope = b.add(graph, y!, graph.scalar(1, "float32"));
    return b.where(graph, b.less(graph, y!, zero), b.mul(graph, dy!, slope), dy!);
  }),
  defineKernel("Select", (graph, { condition, t, e }) => {
    let test = b.cast(graph, condition!, "bool");
    const rank = t!.shape.length;
    // A vector of conditions chooses whole rows.
    if (test.shape.length === 1 && rank > 1)
      test = b.reshape(graph, test, [test.shape[0]!, ...new Array<number>(rank - 1).fill(1)]);
    const [x, y] = common(graph, t!, e!);
    return b.where(graph, test, x, y);
  }),
];
