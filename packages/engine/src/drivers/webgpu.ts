/** tfjs `webgpu`. */
import { RevqError } from "@revq/core";
import type { EngineDriver } from "../driver.js";

export const webgpu: EngineDriver = {
  id: "webgpu",
  trains: true,
  start() {
    return Promise.reject(new RevqError("engine-not-ready", "The WebGPU engine is not ready.", { exitCode: 3 }));
  },
};
