/** Definitions of kernels as data (a name and a graph builder), and their conversion for tfjs. */
import type * as tf from "@tensorflow/tfjs-core";
import type { OnnxBackend } from "../backend.js";
import type { Graph, Value } from "../graph/graph.js";

/** Inputs by tfjs's names; optional ones may be absent. Variadic kernels use `Object.values`. */
export type KernelInputs = Readonly<Record<string, Value>>;

export interface OnnxKernel {
  readonly name: string;
  toConfig(backendName: string): tf.KernelConfig;
}

/** A kernel that records operators: from graph values to one graph value per output tensor. */
export function defineKernel<Attributes extends object = object>(
  name: string,
  build: (graph: Graph, inputs: KernelInputs, attributes: Attributes, backend: OnnxBackend) => Value | Value[],
): OnnxKernel {
  return {
    name,
    toConfig: (backendName) => ({
      kernelName: name,
      backendName,
      kernelFunc: ({ inputs, attrs, backend }) => {
        const onnx = backend as OnnxBackend;
        const values: Record<string, Value> = {};
        for (const key of Object.keys(inputs)) {
          const info = inputs[key];
          if (info) values[key] = onnx.value(info);
        }
        const result = build(onnx.graph, values, attrs as Attributes, onnx);
        const tensors = Array.isArray(result) ? result.map((value) => onnx.tensor(value)) : onnx.tensor(result);
        onnx.flushIfFull();
        return tensors;
      },
    }),
  };
}

/** A kernel on tensor infos: it shares contents or computes them on the host. */
export function defineInfoKernel<Attributes extends object = object>(
  name: string,
  run: (
    backend: OnnxBackend,
    inputs: Readonly<Record<string, tf.TensorInfo>>,
    attributes: Attributes,
  ) => tf.TensorInfo | tf.TensorInfo[],
): OnnxKernel {
  return {
    name,
    toConfig: (backendName) => ({
      kernelName: name,
      backendName,
      kernelFunc: ({ inputs, attrs, backend }) =>
        run(backend as OnnxBackend, inputs as Record<string, tf.TensorInfo>, attrs as Attributes),
    }),
  };
}
