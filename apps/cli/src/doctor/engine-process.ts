/**
 * The program that `revq doctor` starts for every engine: `node engine-process.js ID` brings it up, measures it and sends what it
 * finds to its parent. A process of its own, because native libraries and drivers may abort or hang. ID `auto` only says what is chosen.
 */
import { isRevqError } from "@revq/core";
import { createEngine, type EngineId } from "@revq/engine";
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
  const message = error instanceof Error ? error.message : String(error);
  const fix = isRevqError(error) ? (error.fix ?? null) : null;
  await send({ kind: "refused", reason: message.split("\n", 1)[0]!, fix });
}
// Drivers and worker threads may keep the process alive.
process.exit(0);
