/**
 * Writes a computation as an ONNX file. Kernels are recorded as usual, but the graph is written
 * instead of run: with one input, and every other tensor that it reads (weights) as a constant. Shapes
 * are fixed; the batch may be open. Operators are those of the ONNX standard.
 */
import { RevqError } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { OnnxBackend } from "../backend.js";
import { byteLengthOf, type Value } from "../graph/graph.js";
import { planGraph } from "../graph/plan.js";
import { encodeModelInParts, type Model, type ModelInitializer } from "../onnx/model.js";
import { anyBatch, type Traced } from "./any-batch.js";
import { ONNX_BACKEND } from "../register.js";

export interface TraceInput {
  readonly name: string;
  /** The first axis may be a name: it then takes any size from 1 on, and so does the output's. */
  readonly shape: readonly [number | string, ...number[]];
  readonly dtype: "float32" | "int32";
}

/** Batches that an open axis is traced with. Two others than the sizes that models have. */
const tracedBatches = [5, 7] as const;

/**
 * Records `run` on an input and passes the parts of the file to `write`, in order. `run` may be
 * asynchronous but must not read values that depend on its input. It owns neither the input nor,
 * after it returns, the output. For an open batch it is called twice. No other work may use the backend
 * meanwhile. Throws `onnx-trace-backend`, `onnx-trace-read`, `onnx-trace-constant`, and
 * `onnx-trace-batch` for a computation that has no form for all batches.
 */
export async function traceOnnx(
  input: TraceInput,
  outputName: string,
  run: (input: tf.Tensor) => Promise<tf.Tensor> | tf.Tensor,
  write: (pieces: Iterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  if (tf.getBackend() !== ONNX_BACKEND) {
    throw new RevqError(
      "onnx-trace-backend",
      `The tfjs backend is "${tf.getBackend()}"; tracing needs "${ONNX_BACKEND}".`,
    );
  }
  const backend = tf.backend() as OnnxBackend;
  const [batch, ...rest] = input.shape;
  backend.beginTrace();
  const made: tf.Tensor[] = [];
  const trace = async (size: number): Promise<Traced> => {
    const { info, value } = backend.placeholder([size, ...rest], input.dtype);
    const tensor = tf.engine().makeTensorFromTensorInfo(info);
    made.push(tensor);
    const output = await run(tensor);
    made.push(output);
    const result = backend.value(output);
    if (!result.node) throw constantResult();
    return { model: modelOf(backend, value, input.name, result, outputName), batch: size };
  };
  try {
    let model: Model | null;
    if (typeof batch === "number") ({ model } = await trace(batch));
    else model = anyBatch(await trace(tracedBatches[0]), await trace(tracedBatches[1]), batch);
    if (!model) {
      throw new RevqError("onnx-trace-batch", "The computation of another batch has other operators.", {
        fix: "Trace it with a fixed batch.",
      });
    }
    await write(encodeModelInParts(model));
  } finally {
    tf.dispose(made);
    backend.endTrace();
  }
}

function modelOf(backend: OnnxBackend, input: Value, inputName: string, output: Value, outputName: string): Model {
  const plan = planGraph(backend.graph, [output]);
  const inputIndex = plan.feeds.indexOf(input);
  if (inputIndex < 0) throw constantResult();
  const model = plan.buildModel();
  const names = new Map([
    [`i${inputIndex}`, inputName],
    [plan.outputNames[0]!, outputName],
  ]);
  const named = (name: string): string => names.get(name) ?? name;
  const weights = plan.feeds.flatMap((value, index): ModelInitializer[] => {
    if (index === inputIndex) return [];
    const bytes = new Uint8Array(value.buffer!.data, 0, byteLengthOf(value));
    return [{ name: `i${index}`, type: value.type, shape: value.shape, bytes }];
  });
  return {
    nodes: model.nodes.map((node) => ({ ...node, inputs: node.inputs.map(named), outputs: node.outputs.map(named) })),
    inputs: [{ name: inputName, type: input.type, shape: input.shape }],
    outputs: [{ name: outputName, type: output.type, shape: output.shape }],
    initializers: [...model.initializers, ...weights],
  };
}

function constantResult(): RevqError {
  return new RevqError(
    "onnx-trace-constant",
    "The result does not depend on the input, so there is no computation to export.",
  );
}
