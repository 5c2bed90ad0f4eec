/** Runs `revq` in a process of its own: trials then run side by side, and a crash ends one trial only. */
import { RevqError } from "@revq/core";
import { isSettingVariable } from "@revq/train/config";
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { withoutScheduler } from "../parts/part-of-process.js";

export interface RevqProcess {
  /** Command line of revq itself: node and the script. */
  readonly program: readonly [node: string, script: string];
  readonly signal: AbortSignal;
  /** File for what the process writes to stderr. */
  readonly log: string;
}

/**
 * The JSON result of a command.
 *
 * @throws RevqError `trial-failed` with the message of the process; `signal.reason` when stopped, after the process has
 * saved its state
 */
export async function runRevq<Result extends object>(
  command: readonly string[],
  { program: [node, script], signal, log }: RevqProcess,
): Promise<Result> {
  signal.throwIfAborted();
  // A process group of its own: Ctrl-C then reaches it once, through `stop`.
  const child = spawn(node, [script, ...command, "--json"], {
    detached: true,
    env: withoutScheduler(withoutSettings(process.env)),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stop = (): void => void child.kill("SIGINT");
  signal.addEventListener("abort", stop);
  const [stdout, stderr, exit] = await Promise.all([
    collect(child.stdout),
    collect(child.stderr),
    new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    }),
  ]).finally(() => signal.removeEventListener("abort", stop));
  await writeFile(log, stderr);
  signal.throwIfAborted();
  const answer = parseAnswer<Result>(stdout);
  if (exit === 0 && answer && !("error" in answer)) return answer;
  const message = answer && "error" in answer ? answer.error.message : stderr.trim().split("\n").at(-1);
  throw new RevqError("trial-failed", message || `The process ended with exit code ${exit}.`);
}

function parseAnswer<Result>(stdout: string): Result | { readonly error: { readonly message: string } } | null {
  try {
    return JSON.parse(stdout) as Result;
  } catch {
    return null;
  }
}

async function collect(stream: NodeJS.ReadableStream): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(Buffer.from(part as Uint8Array));
  return Buffer.concat(parts).toString("utf8");
}

/** The trial's file has all settings already, those of the environment included. The environment must not win over it. */
function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !isSettingVariable(name)));
}
