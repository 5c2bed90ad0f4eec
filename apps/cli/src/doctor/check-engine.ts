/** Checks one engine in a process of its own: a native crash or a hanging driver then does not stop `revq doctor`. */
import type { EngineId } from "@revq/engine";
import { fork } from "node:child_process";
import type { CheckMessage, EngineCheck } from "./engine-check.js";

export interface CheckOptions {
  /** The program that checks. It gets the id of the engine and sends `CheckMessage`s. Tests pass their own. */
  readonly program?: URL;
  /** The process is killed after this time. Starting a driver and compiling shaders in software takes tens of seconds. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** How the process ended. */
interface Outcome {
  readonly messages: readonly CheckMessage[];
  /** Null when it ended by itself with exit code 0. */
  readonly failure: string | null;
}

const defaultProgram = new URL("./engine-process.js", import.meta.url);

export async function checkEngine(id: EngineId, options: CheckOptions = {}): Promise<EngineCheck> {
  const { messages, failure } = await runCheck(id, options);
  const down = { id, ok: false, trains: false, speed: null, adapter: null };
  const refused = find(messages, "refused");
  if (refused) return { ...down, reason: refused.reason, fix: refused.fix };
  const up = find(messages, "up");
  const speed = find(messages, "speed")?.speed ?? null;
  const tooSlow = up !== undefined && speed === null && failure === hangs;
  if (!up || (failure !== null && speed === null && !tooSlow)) {
    return {
      ...down,
      reason: failure ?? "Its check ended without a report.",
      fix: "Name another engine with --engine. Update the driver, or reinstall the package of this engine.",
    };
  }
  const reason = tooSlow ? `${up.description}; too slow to be timed` : up.description;
  return { id, ok: true, trains: up.trains, reason, fix: null, speed, adapter: up.adapter };
}

/** The engine that `--engine auto` chooses here; null when it fails, for example because an engine crashes. */
export async function chosenByAuto(options: CheckOptions = {}): Promise<EngineId | null> {
  const { messages } = await runCheck("auto", options);
  return find(messages, "up")?.id ?? null;
}

const hangs = "It did not answer in time.";

function runCheck(
  id: EngineId | "auto",
  { program = defaultProgram, timeoutMs = 60_000, signal }: CheckOptions,
): Promise<Outcome> {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const messages: CheckMessage[] = [];
    let failure: string | null = null;
    let errors = "";
    const child = fork(program, [id], { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    const kill = (): void => void child.kill("SIGKILL");
    const timer = setTimeout(() => {
      failure = hangs;
      kill();
    }, timeoutMs);
    signal?.addEventListener("abort", kill);
    child.on("message", (message) => messages.push(message as CheckMessage));
    child.stderr!.on("data", (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4000)));
    child.on("error", (error) => {
      failure = `Its check could not be started: ${error.message}`;
      finish();
    });
    child.on("close", (code, killedBy) => {
      if (failure === null && (code !== 0 || killedBy !== null)) failure = crash(code, killedBy, errors);
      finish();
    });

    function finish(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", kill);
      if (signal?.aborted) reject(signal.reason as Error);
      else resolve({ messages, failure });
    }
  });
}

/** With the last line before the stack: native libraries write their reason there. */
function crash(code: number | null, signal: NodeJS.Signals | null, errors: string): string {
  const lastLine = errors
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^(\d+: |at |-----|Node\.js v)/.test(line))
    .at(-1);
  return `It crashed (${signal ?? `exit code ${code}`})${lastLine === undefined ? "." : `: ${lastLine}`}`;
}

function find<Kind extends CheckMessage["kind"]>(
  messages: readonly CheckMessage[],
  kind: Kind,
): Extract<CheckMessage, { kind: Kind }> | undefined {
  return messages.find((message): message is Extract<CheckMessage, { kind: Kind }> => message.kind === kind);
}
