/** Makes the backend known to tfjs under the name "onnx"; importing this package alone does nothing. */
import * as tf from "@tensorflow/tfjs-core";
import { OnnxBackend } from "./backend.js";
import type { OnnxBackendOptions, OnnxBackendStats } from "./options.js";
import { kernels } from "./kernels/index.js";

export const ONNX_BACKEND = "onnx";

let kernelsRegistered = false;
let chosen: OnnxBackendOptions = {};

/**
 * Registers the backend and its kernels; follow it with `await tf.setBackend("onnx")`. The native library is loaded when
 * the backend is first set. Called again, it changes the options of a backend that has not been set yet.
 */
export function registerOnnxBackend(options: OnnxBackendOptions = {}): void {
  chosen = options;
  if (!kernelsRegistered) for (const kernel of kernels) tf.registerKernel(kernel.toConfig(ONNX_BACKEND));
  kernelsRegistered = true;
  if (!tf.findBackendFactory(ONNX_BACKEND)) tf.registerBackend(ONNX_BACKEND, () => new OnnxBackend(chosen), 2);
}

/** Counters of the backend in use; throws where "onnx" was never set. */
export function onnxBackendStats(): OnnxBackendStats {
  return (tf.findBackend(ONNX_BACKEND) as OnnxBackend).stats();
}
