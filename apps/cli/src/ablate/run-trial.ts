/**
 * One trial: `revq train` in a process of its own, so that trials run side by side and one that dies takes no other with it. What it says
 * goes into a log beside its tokenizer.
 */
import { RevqError, isRevqError } from "@revq/core";
import type { Evaluation, RunConfig, TrainResult } from "@revq/train";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { withoutScheduler } from "../parts/part-of-process.js";

export interface TrialRun {
  /** Where the trial's folder is made. */
  readonly root: string;
  readonly name: string;
  readonly config: RunConfig;
  /** Command line of revq itself: node and the script. */
  readonly program: readonly [string, string];
  readonly signal: AbortSignal;
}

/** @throws RevqError `trial-failed` with the trial's own message; `signal.reason` when stopped, after the trial has saved itself */
export async function runTrial(trial: TrialRun): Promise<TrainResult> {
  const { root, name, config } = trial;
  await mkdir(root, { recursive: true });
  const out = join(root, name);
  const settings = join(root, `${name}.yaml`);
  await writeFile(settings, stringify({ ...config, out }));
  const resume = existsSync(join(out, "run")) ? ["--resume"] : [];
  return runRevq<TrainResult>(trial, ["train", "--config", settings, ...resume], `${name}.log`);
}

/** The image scores that a trial lacks which finished before they were asked for: its tokenizer, scored once more. */
export async function scoreTrial(trial: TrialRun, result: TrainResult): Promise<TrainResult> {
  const { lpips, lpipsNet, inception } = trial.config.score;
  const networks = [
    ...(lpips === null ? [] : ["--lpips", lpips, "--lpips-net", lpipsNet]),
    ...(inception === null ? [] : ["--inception", inception]),
  ];
  const place = ["eval", result.tokenizer, "--data", trial.config.data.val!, "--engine", trial.config.engine];
  for (const plugin of trial.config.plugins) place.push("--plugin", plugin);
  const scored = await runRevq<Evaluation>(trial, [...place, ...networks], `${trial.name}.eval.log`);
  const { psnr, ssim, msSsim, lpips: distance, rfid, inceptionScore, squeezenetFrechet, floor } = scored;
  return { ...result, psnr, ssim, msSsim, lpips: distance, rfid, inceptionScore, squeezenetFrechet, floor };
}

/** True when a finished trial lacks image scores that are asked for now, and there are held-out images to take them of. */
export function lacksScores({ score, data }: RunConfig, result: TrainResult): boolean {
  if (data.val === null || result.psnr === null) return false;
  return (score.lpips !== null && result.lpips === null) || (score.inception !== null && result.rfid === null);
}

async function runRevq<Result extends object>(
  { root, program, signal }: TrialRun,
  command: readonly string[],
  log: string,
): Promise<Result> {
  signal.throwIfAborted();
  const [node, script] = program;
  const args = [script, ...command, "--json"];
  // Of its own process group, so that Ctrl-C reaches it once: through here.
  const child = spawn(node, args, {
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
  await writeFile(join(root, log), stderr);
  signal.throwIfAborted();
  const answer = parseAnswer<Result>(stdout);
  if (exit === 0 && answer && !("error" in answer)) return answer;
  const said = answer && "error" in answer ? answer.error.message : stderr.trim().split("\n").at(-1);
  throw new RevqError("trial-failed", said || `It ended with exit code ${exit}.`);
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

/** The trial's settings are in its file already; the environment's, which are in there too, must not win over it. */
function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/^REVQ_(?!CACHE$)/.test(name)));
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return isRevqError(error) || error instanceof Error ? error.message : String(error);
}
