/**
 * The program that `revq doctor` starts for every engine: `node engine-process.js ID` brings the engine up, times it and
 * sends the results to its parent. The ID `auto` only reports which engine is chosen.
 */
import { isRevqError } from "@revq/core";
import { createEngine, type EngineId } from "@revq/engine";
import { firstLineOf } from "../errors/message-of.js";
import type { CheckMessage } from "./engine-check.js";
import { measureSpeed } from "./speed.js";

const id = process.argv[2] as EngineId | "auto";

function send(message: CheckMessage): Promise<void> {
  return new Promise((resolve, reject) =>
    process.send!(message, (error: Error | null) => (error ? reject(error) : resolve())),
  );
}

process.on("disconnect", () => process.exit(1));
try {
  const engine = await createEngine({ engine: id });
  const { trains, description, adapter = null } = engine;
  await send({ kind: "up", id: engine.id, trains, description, adapter });
  if (id !== "auto") await send({ kind: "speed", speed: await measureSpeed(engine) });
} catch (error) {
  const fix = isRevqError(error) ? (error.fix ?? null) : null;
  await send({ kind: "refused", reason: firstLineOf(error), fix });
}
// Drivers and worker threads may keep the process alive.
process.exit(0);
