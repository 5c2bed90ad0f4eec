/** Public surface of @revq/tfjs-backend-onnx. */
export { type OnnxBackendOptions, type OnnxBackendStats } from "./backend.js";
export { ONNX_BACKEND, onnxBackendStats, registerOnnxBackend } from "./register.js";
