/** Checks one engine in a process of its own, so that neither a native crash nor a hanging driver takes `revq doctor` along. */
import type { EngineId } from "@revq/engine";
import { fork } from "node:child_process";
import type { CheckMessage, EngineCheck } from "./engine-check.js";

export interface CheckOptions {
  /** The program that checks; tests pass their own. It gets the engine's id and sends `CheckMessage`s. */
  readonly program?: URL;
  /** After this long the process is ended. Starting a driver and compiling shaders in software takes tens of seconds. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** How the process ended. */
interface Outcome {
  readonly messages: readonly CheckMessage[];
  /** Null when it ended by itself and well. */
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
      reason: failure ?? "Its check ended without a word.",
      fix: "Name another engine with --engine. Updating the driver, or reinstalling the package behind this one, may help.",
    };
  }
  const reason = tooSlow ? `${up.description}; too slow to be measured` : up.description;
  return { id, ok: true, trains: up.trains, reason, fix: null, speed, adapter: up.adapter };
}

/** What `--engine auto` takes here; null when it fails, as it does where an engine that it tries crashes. */
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

/** With the last thing that was said before the stack: there native libraries name their reason. */
function crash(code: number | null, signal: NodeJS.Signals | null, errors: string): string {
  const said = errors
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^(\d+: |at |-----|Node\.js v)/.test(line))
    .at(-1);
  return `It crashed (${signal ?? `exit code ${code}`})${said === undefined ? "." : `: ${said}`}`;
}

function find<Kind extends CheckMessage["kind"]>(
  messages: readonly CheckMessage[],
  kind: Kind,
): Extract<CheckMessage, { kind: Kind }> | undefined {
  return messages.find((message): message is Extract<CheckMessage, { kind: Kind }> => message.kind === kind);
}
