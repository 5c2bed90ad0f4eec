/**
 * Where a run keeps what. The folder itself is the tokenizer (config.json, model.safetensors, README.md); everything that only
 * the run needs is under `run/`. Every file is written beside its name and renamed.
 */
import { RevqError } from "@revq/core";
import { writeFileAtomic } from "@revq/formats/node";
import { appendFile, mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { lockRun, type RunLock } from "./run-lock.js";

export interface OpenRunOptions {
  readonly resume: boolean;
  readonly note: (line: string) => void;
}

export class RunFolder {
  private constructor(
    readonly root: string,
    private readonly lock: RunLock,
  ) {}

  /**
   * Makes the folder and locks it. One with anything in it is refused unless the run is resumed, and then it must be a run's; what
   * a start leaves that failed before its first result does not count. Throws `out-not-writable`, `out-not-empty`, `not-a-run`, `run-locked`.
   */
  static async open(path: string, { resume, note }: OpenRunOptions): Promise<RunFolder> {
    const root = resolve(path);
    try {
      await mkdir(root, { recursive: true });
      requireUsable(root, await readdir(root, { recursive: true }), resume);
      const lock = await lockRun(join(root, "run", "lock"), note);
      await removeLeftovers(root);
      return new RunFolder(root, lock);
    } catch (cause) {
      if (cause instanceof RevqError) throw cause;
      const { code = String(cause) } = cause as NodeJS.ErrnoException;
      const reason = { EEXIST: "a file has that name", ENOTDIR: "a file has that name", EACCES: "permission denied" }[
        code
      ];
      throw new RevqError("out-not-writable", `The output folder ${root} cannot be made (${reason ?? code}).`, {
        fix: "Name another one with --out.",
        cause,
      });
    }
  }

  /** The first of `<base>-1`, `<base>-2`, … that does not exist below `parent`. */
  static async nextFree(parent: string, base: string): Promise<string> {
    const taken = new Set(await readdir(parent).catch(() => []));
    let number = 1;
    while (taken.has(`${base}-${number}`)) number++;
    return join(parent, `${base}-${number}`);
  }

  /** An absolute path below the folder. */
  path(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  get checkpoints(): string {
    return this.path("run", "checkpoints");
  }

  async write(name: string, data: Uint8Array | string): Promise<string> {
    const path = this.path(name);
    await mkdir(dirname(path), { recursive: true });
    await writeFileAtomic(path, data);
    return path;
  }

  async has(name: string): Promise<boolean> {
    return (await stat(this.path(name)).catch(() => null)) !== null;
  }

  /** Starts metrics.jsonl anew with these records: after a resume, those up to the checkpoint. */
  async startMetrics(records: readonly object[]): Promise<void> {
    await this.write("run/metrics.jsonl", records.map(toLine).join(""));
  }

  async appendMetrics(record: object): Promise<void> {
    await appendFile(this.path("run", "metrics.jsonl"), toLine(record));
  }

  /** Adds to the seconds that encoding has taken over all starts of the run; returns the sum. */
  async addSeconds(seconds: number): Promise<number> {
    const before = Number(await readFile(this.path("run", "latents", "seconds"), "utf8").catch(() => "0")) || 0;
    await this.write("run/latents/seconds", `${before + seconds}\n`);
    return before + seconds;
  }

  /** Lets the next run in. */
  async close(): Promise<void> {
    await this.lock.release();
  }
}

/** All that a run has written before it has a result, relative to the folder. */
const failedStart = new Set(["run", join("run", "config.yaml"), join("run", "lock")]);

function requireUsable(root: string, entries: readonly string[], resume: boolean): void {
  const taken = entries.filter((entry) => !failedStart.has(entry) && !isLeftover(basename(entry)));
  if (taken.length === 0) return;
  if (!resume) {
    throw new RevqError("out-not-empty", `The output folder ${root} is not empty.`, {
      fix: "Continue that run with --resume, or name another folder with --out.",
    });
  }
  if (!entries.includes(join("run", "config.yaml"))) {
    throw new RevqError("not-a-run", `There is no run to resume in ${root}: it has files, but no run/config.yaml.`, {
      fix: "Name the folder of the run (--out), or a new one without --resume.",
    });
  }
}

/** What a write leaves behind whose process was killed. */
function isLeftover(name: string): boolean {
  return /^\..+\.[0-9a-f]{8}\.tmp$/.test(name) || /^lock\.[0-9a-f]{8}$/.test(name);
}

async function removeLeftovers(root: string): Promise<void> {
  for (const entry of await readdir(root, { recursive: true })) {
    if (isLeftover(basename(entry))) await rm(join(root, entry), { force: true });
  }
}

function toLine(record: object): string {
  return `${JSON.stringify(record)}\n`;
}
