/** Registers the backend with tfjs as "onnx". Importing this package alone does nothing. */
import * as tf from "@tensorflow/tfjs-core";
import { OnnxBackend } from "./backend.js";
import type { OnnxBackendOptions, OnnxBackendStats } from "./options.js";
import { kernels } from "./kernels/index.js";

export const ONNX_BACKEND = "onnx";

let kernelsRegistered = false;
let chosen: OnnxBackendOptions = {};

/**
 * Registers the backend and its kernels; call `await tf.setBackend("onnx")` next, which loads the
 * native library. A second call changes the options if the backend was not set yet.
 *
 * @example
 * import * as tf from "@tensorflow/tfjs-core";
 * registerOnnxBackend({ threads: 1 });
 * await tf.setBackend("onnx");
 * await tf.add(tf.tensor1d([1, 2]), 3).data(); // => [4, 5]
 * onnxBackendStats().flushes > 0; // => true
 */
export function registerOnnxBackend(options: OnnxBackendOptions = {}): void {
  chosen = options;
  if (!kernelsRegistered) for (const kernel of kernels) tf.registerKernel(kernel.toConfig(ONNX_BACKEND));
  kernelsRegistered = true;
  if (!tf.findBackendFactory(ONNX_BACKEND)) tf.registerBackend(ONNX_BACKEND, () => new OnnxBackend(chosen), 2);
}

/** Counters of the backend. Throws if "onnx" was never set. */
export function onnxBackendStats(): OnnxBackendStats {
  return (tf.findBackend(ONNX_BACKEND) as OnnxBackend).stats();
}
