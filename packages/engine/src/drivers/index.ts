/** Every driver by its id. */
import type { EngineDriver } from "../driver.js";
import type { EngineId } from "../engine.js";
import { cpu } from "./cpu.js";
import { onnx } from "./onnx.js";
import { tfjsNode, tfjsNodeGpu } from "./tfjs-node.js";
import { wasm } from "./wasm.js";
import { webgpu } from "./webgpu.js";

export const drivers: Readonly<Record<EngineId, EngineDriver>> = {
  webgpu,
  "node-gpu": tfjsNodeGpu,
  node: tfjsNode,
  onnx,
  wasm,
  cpu,
};
