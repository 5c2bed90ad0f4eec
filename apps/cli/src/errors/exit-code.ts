/** Which exit code an error ends the command with. */
import type { RevqError } from "@revq/core";
import { wasGivenByFlag } from "./flag-of-setting.js";
import { UsageError } from "./usage-error.js";

/** After Ctrl-C, once everything is saved. */
export const interruptedExitCode = 130;
export const noEngineExitCode = 3;
export const wrongCallExitCode = 2;

/** The value of a setting is not allowed. This is a wrong call if a flag gave the value, and bad input if a file did. */
const refusedSettings = new Set(["config-invalid", "plugin-options", "engine-unknown", "data-options"]);

/** No engine can do the work on this machine. */
const noEngine = new Set([
  "engine-broken",
  "engine-cannot-train",
  "engine-crashes",
  "engine-failed",
  "engine-missing",
  "engine-needs-node",
  "engine-no-cuda",
  "engine-none",
  "engine-not-installed",
  "engine-not-ready",
  "engine-other-tfjs",
  "engine-wrong-result",
  "onnxruntime-missing",
  "wasm-missing",
  "webgpu-backend",
  "webgpu-missing",
  "webgpu-no-adapter",
  "webgpu-no-vulkan",
  "webgpu-software",
]);

/**
 * 2: a wrong call. 3: no usable engine. 130: interrupted. 1: everything else.
 * @param given the flags of the call, by name
 */
export function exitCodeOf(error: RevqError, given: Readonly<Record<string, unknown>>): number {
  if (error.code === "interrupted") return interruptedExitCode;
  if (error instanceof UsageError) return wrongCallExitCode;
  if (refusedSettings.has(error.code))
    return error.setting && wasGivenByFlag(error.setting, given) ? wrongCallExitCode : 1;
  return noEngine.has(error.code) ? noEngineExitCode : 1;
}
