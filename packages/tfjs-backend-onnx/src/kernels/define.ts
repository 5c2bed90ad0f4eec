/** How a kernel is written here, and how it becomes a tfjs kernel. A kernel is data: a name and a graph builder. */
import type * as tf from "@tensorflow/tfjs-core";
import type { OnnxBackend } from "../backend.js";
import type { Graph, Value } from "../graph/graph.js";

/** Inputs by tfjs' names; an input that was not given is absent. Variadic kernels take `Object.values(inputs)`. */
export type KernelInputs = Readonly<Record<string, Value>>;

export interface OnnxKernel {
  readonly name: string;
  toConfig(backendName: string): tf.KernelConfig;
}

/** A kernel that records operators: reads graph values and returns graph values (one per output tensor). */
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

/** A kernel that works on tensor infos: those that share contents or make them on the host. */
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
