/**
 * Machines on which a native library may end the process instead of throwing: CPUs without AVX (SIGILL), C
 * libraries other than glibc. There a process of its own tries the engine first.
 */
import type { EngineId } from "./engine-ids.js";
import { nodeProcess } from "./node-process.js";

/** Why native libraries may crash here; undefined where nothing suggests it. Reads two small files at most. */
export function suspicion(): string | undefined {
  const node = nodeProcess();
  if (node?.platform !== "linux") return undefined;
  const { readFileSync, readdirSync } = node.getBuiltinModule("node:fs");
  const tryTo = <T>(read: () => T, otherwise: T): T => {
    try {
      return read();
    } catch {
      return otherwise;
    }
  };
  if (node.arch === "x64" && lacksAvx(tryTo(() => readFileSync("/proc/cpuinfo", "utf8"), "")))
    return "this CPU has no AVX";
  const isMusl = tryTo(() => readdirSync("/lib"), []).some((name) => name.startsWith("ld-musl-"));
  return isMusl && !tryTo(() => readdirSync("/lib64"), []).some((name) => name.startsWith("ld-linux"))
    ? "the C library is musl, not glibc"
    : undefined;
}

/** @param cpuinfo text of /proc/cpuinfo */
export function lacksAvx(cpuinfo: string): boolean {
  const flags = /^flags\s*:(.*)$/m.exec(cpuinfo)?.[1];
  return flags !== undefined && !/\bavx\b/.test(flags);
}

/** Starting a driver takes tens of seconds on a slow machine. */
const timeoutMs = 60_000;

/**
 * Starts the engine in a process of its own. An engine that refuses to start has survived: the caller gets
 * its reason.
 *
 * @param program for tests: the text of an ES module
 * @returns how the process ended: "SIGILL", "exit code 134"; null when it survived
 */
export async function crashOf(id: EngineId, program = trialOf(id)): Promise<string | null> {
  const node = nodeProcess()!;
  const { spawn } = node.getBuiltinModule("node:child_process");
  return new Promise((resolve) => {
    const child = spawn(node.execPath, ["--input-type=module", "--eval", program], {
      stdio: "ignore",
      timeout: timeoutMs,
      killSignal: "SIGKILL",
    });
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => resolve(code === 0 ? null : (signal ?? `exit code ${code}`)));
  });
}

function trialOf(id: EngineId): string {
  // No `new URL(…, import.meta.url)`: bundlers would copy the file.
  const module = import.meta.url.replace(/trial\.(js|ts)$/, "index.$1");
  const options = `{ engine: ${JSON.stringify(id)}, probes: { suspicion: () => undefined } }`;
  return `const { createEngine } = await import(${JSON.stringify(module)});
try { (await createEngine(${options})).dispose(); } catch {}
process.exit(0);`;
}
