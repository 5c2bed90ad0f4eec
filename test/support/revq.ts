/** Runs the built command `revq` as a user does, in a folder of its own. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const binary = fileURLToPath(new URL("../../apps/cli/bin/revq.js", import.meta.url));
export const sampleImages = fileURLToPath(new URL("../../packages/sample-images/images", import.meta.url));

/** Where the shared weights, images and fixtures are; tests that need them skip when they are missing. */
export const shared = resolve(process.env["REVQ_SHARED"] ?? fileURLToPath(new URL("../../../shared", import.meta.url)));
export const hasShared = existsSync(join(shared, "data"));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RevqOptions {
  readonly cwd: string;
  readonly environment?: Record<string, string>;
  /** Asked every few milliseconds; the first time it is true the command gets SIGINT, as by Ctrl-C. */
  readonly interruptWhen?: () => boolean;
  /** What it gets then; default SIGINT. */
  readonly signal?: NodeJS.Signals;
}

export function revq(
  args: readonly string[],
  { cwd, environment = {}, interruptWhen, signal = "SIGINT" }: RevqOptions,
): Promise<Outcome> {
  return new Promise((resolveOutcome, reject) => {
    const child = spawn(process.execPath, [binary, ...args], {
      cwd,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const watch = setInterval(() => {
      if (!interruptWhen?.()) return;
      clearInterval(watch);
      child.kill(signal);
    }, 5);
    child.on("error", reject);
    child.on("close", (code) => {
      clearInterval(watch);
      resolveOutcome({ code, stdout, stderr });
    });
  });
}

/** Runs with `--json` and parses what comes out; fails with stderr when the exit code is not 0. */
export async function revqJson<T>(args: readonly string[], options: RevqOptions): Promise<T> {
  const { code, stdout, stderr } = await revq([...args, "--json"], options);
  if (code !== 0) throw new Error(`revq ${args.join(" ")} ended with ${code}:\n${stderr}\n${stdout}`);
  return JSON.parse(stdout) as T;
}

export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "revq-test-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
