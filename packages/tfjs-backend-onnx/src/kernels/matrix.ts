/** Matrix products, also with the bias and activation of tfjs's fused kernel. */
import { RevqError } from "@revq/core";
import { backend_util } from "@tensorflow/tfjs-core";
import type { Graph, Value } from "../graph/graph.js";
import * as b from "./builder.js";
import { defineKernel, type OnnxKernel } from "./define.js";
import { clip, leakyRelu, prelu, relu } from "./unary.js";

export interface FusedAttributes {
  readonly activation?: string | null;
  readonly leakyreluAlpha?: number;
}

/** x + bias, then the activation of this tfjs name. */
export function finish(
  graph: Graph,
  x: Value,
  bias: Value | undefined,
  slopes: Value | undefined,
  { activation, leakyreluAlpha }: FusedAttributes,
): Value {
  const sum = bias ? b.add(graph, x, bias) : x;
  switch (activation ?? "linear") {
    case "linear":
      return sum;
    case "relu":
      return relu(graph, sum);
    case "relu6":
      return clip(graph, sum, 0, 6);
    case "elu":
      return b.unary(graph, "Elu", sum);
    case "sigmoid":
      return b.unary(graph, "Sigmoid", sum);
    case "leakyrelu":
      return leakyRelu(graph, sum, leakyreluAlpha ?? 0.2);
    case "prelu":
      return prelu(graph, sum, slopes!);
    default:
      throw new RevqError("onnx-activation", `the onnx backend has no fused activation "${activation}"`);
  }
}

interface MatMulAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

export const matrixKernels: readonly OnnxKernel[] = [
  defineKernel<{ equation: string }>("Einsum", (graph, inputs, { equation }) => {
    const tensors = Object.values(inputs);
    const { allDims, summedDims, idDims } = backend_util.decodeEinsumEquation(equation, tensors.length);
    backend_util.checkEinsumDimSizes(allDims.length, idDims, tensors as never);
    // tfjs numbers the dimensions of the result first, the summed ones last.
    const sizes = allDims.map((_, dimension) => {
      const owner = idDims.findIndex((dimensions) => dimensions.includes(dimension));
      return tensors[owner]!.shape[idDims[owner]!.indexOf(dimension)]!;
    });
    const shape = sizes.slice(0, allDims.length - summedDims.length);
    return graph.add("Einsum", tensors, { type: tensors[0]!.type, shape }, { attributes: { equation } });
  }),
  defineKernel<MatMulAttributes>("BatchMatMul", (graph, inputs, { transposeA, transposeB }) =>
    b.matmul(graph, inputs["a"]!, inputs["b"]!, transposeA, transposeB),
  ),
  defineKernel<MatMulAttributes & FusedAttributes>("_FusedMatMul", (graph, inputs, attributes) => {
    const product = b.matmul(graph, inputs["a"]!, inputs["b"]!, attributes.transposeA, attributes.transposeB);
    return finish(graph, product, inputs["bias"], inputs["preluActivationWeights"], attributes);
  }),
];
