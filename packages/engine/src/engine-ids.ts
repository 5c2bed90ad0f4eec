/** The names of the engines. */

/** In the order in which `auto` tries them. */
export const engineIds = ["webgpu", "node-gpu", "node", "onnx", "wasm", "cpu"] as const;
export type EngineId = (typeof engineIds)[number];
