import { Flags } from "@oclif/core";
import type { EngineId } from "@revq/engine";

const engineIds = ["auto", "webgpu", "onnx", "node-gpu", "node", "wasm", "cpu"] as const satisfies readonly (
  EngineId | "auto"
)[];

export const engineFlag = Flags.string({
  description: `engine: ${engineIds.join(", ")}; auto picks the fastest that works here`,
  options: engineIds,
  helpValue: "<id>",
});
