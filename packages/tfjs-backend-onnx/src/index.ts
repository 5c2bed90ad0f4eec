/** @revq/tfjs-backend-onnx: a TensorFlow.js backend for Node on ONNX Runtime. */
export type { OnnxBackendOptions, OnnxBackendStats } from "./options.js";
export { ONNX_BACKEND, onnxBackendStats, registerOnnxBackend } from "./register.js";
export { traceOnnx, type TraceInput } from "./export/trace.js";
