/** @revq/engine: starts the best tfjs backend of a machine and reports why others do not work. */
export { createEngine } from "./create-engine.js";
export { availableEngines, describeEngines, type DescribeOptions, type EngineReport } from "./describe-engines.js";
export {
  engineIds,
  type AdapterDescription,
  type Engine,
  type EngineId,
  type EngineInfo,
  type EngineOptions,
  type EngineRefusal,
} from "./engine.js";
export { registerGradients } from "./gradients.js";
export type { EngineProbes } from "./probes.js";
export { speedCheck, type Speed, type SpeedMeasurement } from "./speed-check.js";
