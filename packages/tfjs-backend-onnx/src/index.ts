/** Public surface of @revq/tfjs-backend-onnx. */
export type { OnnxBackendOptions, OnnxBackendStats } from "./options.js";
export { ONNX_BACKEND, onnxBackendStats, registerOnnxBackend } from "./register.js";
export { traceOnnx, type TraceInput } from "./export/trace.js";
