/** Reasons for users from thrown errors. */
import { isRevqError } from "@revq/core";
import type { EngineId, EngineRefusal } from "./engine.js";

export function refusalOf(id: EngineId, error: unknown): EngineRefusal {
  const reason = firstLine(error);
  return isRevqError(error) && error.fix !== undefined ? { id, reason, fix: error.fix } : { id, reason };
}

/** The first line of an error's message. (Native loaders append a page.) */
export function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String((error as { message?: unknown })?.message ?? error);
  return message.split("\n", 1)[0]!.trim();
}
