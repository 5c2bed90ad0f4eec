/**
 * Element-wise kernels of one tensor. An int32 tensor stays int32, as on tfjs's cpu backend.
 * Without an exact integer form, an operator is computed in float64 and truncated.
 */
import type { Graph, Value } from "../graph/graph.js";
import * as b from "./builder.js";
import { defineInfoKernel, defineKernel, type OnnxKernel } from "./define.js";

type Unary = (graph: Graph, x: Value) => Value;

/** Exact on int32 as well as on float32. */
function exact(name: string, build: Unary): OnnxKernel {
  return defineKernel(name, (graph, { x }) =>
    x!.type === "bool" ? b.cast(graph, build(graph, b.cast(graph, x!, "int32")), "bool") : build(graph, x!),
  );
}

/** Does not change whole numbers. */
function rounding(name: string, op: string): OnnxKernel {
  return defineKernel(name, (graph, { x }) => (x!.type === "float32" ? b.unary(graph, op, x!) : x!));
}

/** For floats. */
function real(name: string, build: Unary): OnnxKernel {
  return defineKernel(name, (graph, { x }) => realOf(graph, x!, build));
}

function realOf(graph: Graph, x: Value, build: Unary): Value {
  return x.type === "float32" ? build(graph, x) : b.cast(graph, build(graph, b.cast(graph, x, "float32")), x.type);
}

const op =
  (name: string): Unary =>
  (graph, x) =>
    b.unary(graph, name, x);

/** e^x - 1 without cancellation near 0: tanh(x/2) (e^x + 1). */
function expm1(graph: Graph, x: Value): Value {
  const half = b.unary(graph, "Tanh", b.mul(graph, x, graph.scalar(0.5, "float32")));
  const exact = b.mul(graph, half, b.add(graph, b.unary(graph, "Exp", x), graph.scalar(1, "float32")));
  return b.where(
    graph,
    b.less(graph, b.unary(graph, "Abs", x), graph.scalar(1e-4, "float32")),
    b.add(graph, x, b.mul(graph, b.mul(graph, x, x), graph.scalar(0.5, "float32"))),
    exact,
  );
}

/** log(1 + x) without cancellation near 0: log(u) x / (u - 1) with u = 1 + x (Kahan). */
function log1p(graph: Graph, x: Value): Value {
  const one = graph.scalar(1, "float32");
  const u = b.add(graph, x, one);
  const exact = b.mul(graph, b.unary(graph, "Log", u), b.div(graph, x, b.sub(graph, u, one)));
  const plain = b.where(graph, b.equal(graph, u, graph.scalar(Infinity, "float32")), u, exact);
  return b.where(graph, b.equal(graph, u, one), x, plain);
}

/** An int32 or bool tensor never holds NaN or an infinity. */
function test(name: string, build: Unary, ofInteger: 0 | 1): OnnxKernel {
  return defineKernel(name, (graph, { x }) =>
    x!.type === "float32" ? build(graph, x!) : b.expand(graph, graph.scalar(ofInteger, "bool"), x!.shape),
  );
}

const isNan: Unary = (graph, x) => b.unary(graph, "IsNaN", x, { type: "bool" });
const isInfinite: Unary = (graph, x) => b.unary(graph, "IsInf", x, { type: "bool" });

/**
 * x if the condition holds, NaN if x is NaN, else the other. ONNX Runtime's clamps may lose NaN.
 */
export function relu(graph: Graph, x: Value): Value {
  if (x.type === "int32") return b.binary(graph, "Max", x, graph.scalar(0, "int32"));
  return b.unary(graph, "Relu", x);
}

export function leakyRelu(graph: Graph, x: Value, alpha: number): Value {
  return b.unary(graph, "LeakyRelu", x, { attributes: { alpha: b.float(alpha) } });
}

export function clip(graph: Graph, x: Value, low: number, high: number): Value {
  return graph.add("Clip", [x, graph.scalar(low, x.type), graph.scalar(high, x.type)], {
    type: x.type,
    shape: x.shape,
  });
}

export function prelu(graph: Graph, x: Value, alpha: Value): Value {
  return b.where(graph, b.less(graph, x, graph.scalar(0, x.type)), b.mul(graph, alpha, x), x);
}

/**
 * selu of tfjs is scale * alpha * (e^x - 1) with scaleAlpha 1.7580993408473768; ONNX multiplies
 * gamma by alpha.
 */
const SELU_SCALE_ALPHA = 1.7580993408473768599402175208123;
const SELU_SCALE = 1.0507009873554804934193349852946;

/**
 * max(0, min(1, x * 3.4e38)), and NaN for NaN. Twice in a row it is 1 for every positive x, also
 * for the smallest, and takes a quarter of the time of comparisons and selections.
 */
function steepened(graph: Graph, x: Value): Value {
  return b.unary(graph, "HardSigmoid", x, { attributes: { alpha: b.float(3.4e38), beta: b.float(0) } });
}

export const unaryKernels: readonly OnnxKernel[] = [
  exact("Abs", op("Abs")),
  exact("Neg", op("Neg")),
  // The sign of NaN is 0 in tfjs.
  exact("Sign", (graph, x) => {
    const sign = b.unary(graph, "Sign", x);
    return x.type === "float32" ? b.where(graph, isNan(graph, x), graph.scalar(0, "float32"), sign) : sign;
  }),
  exact("Square", (graph, x) => b.mul(graph, x, x)),
  exact("Relu", relu),
  exact("Relu6", (graph, x) => clip(graph, x, 0, 6)),
  rounding("Ceil", "Ceil"),
  rounding("Floor", "Floor"),
  rounding("Round", "Round"),
  ...[
    "Log",
    "Sqrt",
    "Reciprocal",
    "Sin",
    "Cos",
    "Tan",
    "Asin",
    "Acos",
    "Atan",
    "Sinh",
    "Cosh",
    "Asinh",
    "Acosh",
    "Atanh",
    "Tanh",
    "Sigmoid",
    "Erf",
    "Softplus",
    "Elu",
  ].map((name) => real(name, op(name))),
  // In tfjs this one is float32 for whole numbers too.
  defineKernel("Exp", (graph, { x }) => b.unary(graph, "Exp", b.cast(graph, x!, "float32"))),
  real("Rsqrt", (graph, x) => b.unary(graph, "Reciprocal", b.unary(graph, "Sqrt", x))),
  real("Expm1", expm1),
  real("Log1p", log1p),
  real("Selu", (graph, x) =>
    b.unary(graph, "Selu", x, {
      attributes: { alpha: b.float(SELU_SCALE_ALPHA / SELU_SCALE), gamma: b.float(SELU_SCALE) },
    }),
  ),
  test("IsNan", isNan, 0),
  test("IsInf", isInfinite, 0),
  test(
    "IsFinite",
    (graph, x) => b.unary(graph, "Not", b.binary(graph, "Or", isNan(graph, x), isInfinite(graph, x), "bool")),
    1,
  ),
  defineKernel("LogicalNot", (graph, { x }) => b.unary(graph, "Not", b.cast(graph, x!, "bool"))),
  defineKernel<{ alpha: number }>("Step", (graph, { x }, { alpha }) =>
    realOf(graph, x!, (_, value) => {
      // The gradient of every ReLU needs this one.
      if (alpha === 0) return steepened(graph, steepened(graph, value));
      const stepped = b.where(
        graph,
        b.less(graph, graph.scalar(0, "float32"), value),
        graph.scalar(1, "float32"),
        graph.scalar(alpha, "float32"),
      );
      return b.where(graph, isNan(graph, value), value, stepped);
    }),
  ),
  defineKernel<{ alpha: number }>("LeakyRelu", (graph, { x }, { alpha }) =>
    leakyRelu(graph, b.cast(graph, x!, "float32"), alpha),
  ),
  defineKernel("Prelu", (graph, { x, alpha }) =>
    prelu(graph, b.cast(graph, x!, "float32"), b.cast(graph, alpha!, "float32")),
  ),
  defineKernel<{ clipValueMin: number; clipValueMax: number }>(
    "ClipByValue",
    (graph, { x }, { clipValueMin, clipValueMax }, backend) => {
      if (x!.type !== "float32") return clip(graph, x!, clipValueMin, clipValueMax);
      // Fed, because a clipping bound may change between steps.
      const [low, high] = [clipValueMin, clipValueMax].map((bound) => backend.feed([bound], [], "float32"));
      return graph.add("Clip", [x!, low!, high!], { type: "float32", shape: x!.shape });
    },
  ),
  defineKernel<{ dtype: "float32" | "int32" | "bool" }>("Cast", (graph, { x }, { dtype }) => b.cast(graph, x!, dtype)),
  defineInfoKernel("Identity", (backend, { x }) => backend.alias(x!, x!.shape)),
];
