/** The backend's record of a tensor, and views of host buffers by element type. */
import { RevqError } from "@revq/core";
import type * as tf from "@tensorflow/tfjs-core";
import { sizeOf, type Value } from "./graph/graph.js";
import type { HostBuffer } from "./memory/buffer-pool.js";
import type { NativeTensor, TypedArray } from "./onnx/native.js";

/** The types of tfjs tensors in graphs. */
export type GraphDataType = "float32" | "int32" | "bool";

export interface Storage {
  readonly dtype: tf.DataType;
  readonly shape: readonly number[];
  references: number;
  /** The graph value of the contents, until the trace has run. */
  pending: Value | null;
  buffer: HostBuffer | null;
  strings: Uint8Array[] | null;
  /** The error of a failed trace, because of which there are no contents. */
  lost: unknown;
  /** Graph values of these contents under a shape, valid in trace number `viewsOf`. */
  views: Map<string, Value> | null;
  viewsOf: number;
}

export function lostError(cause: unknown): RevqError {
  return new RevqError("onnx-lost", `This tensor has no values: its graph failed. ${(cause as Error).message}`, {
    cause,
  });
}

export function newStorage(dtype: tf.DataType, shape: readonly number[], references: number): Storage {
  return {
    dtype,
    shape: [...shape],
    references,
    pending: null,
    buffer: null,
    strings: null,
    lost: null,
    views: null,
    viewsOf: -1,
  };
}

export function viewOf(buffer: HostBuffer, type: GraphDataType, size: number): TypedArray {
  if (type === "float32") return new Float32Array(buffer.data, 0, size);
  if (type === "int32") return new Int32Array(buffer.data, 0, size);
  return new Uint8Array(buffer.data, 0, size);
}

export function fromBytes(bytes: Uint8Array, type: GraphDataType): ArrayLike<number> {
  if (type === "bool") return bytes;
  const copy = bytes.slice().buffer;
  return type === "float32" ? new Float32Array(copy) : new Int32Array(copy);
}

export function nativeTensor(value: Value, buffer: HostBuffer): NativeTensor {
  return {
    type: value.type,
    data: viewOf(buffer, value.type as GraphDataType, sizeOf(value.shape)),
    dims: value.shape,
    location: "cpu",
  };
}
