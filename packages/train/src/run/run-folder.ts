/**
 * The output folder of a run. The folder itself is the tokenizer (config.json, model.safetensors,
 * README.md); everything that only the run needs is under `run/`. Every file is written under a
 * temporary name and renamed.
 */
import { RevqError } from "@revq/core";
import { fileOnTheWay, writeFileAtomic } from "@revq/formats/node";
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
   * Makes the folder and locks it. A non-empty folder is refused unless `resume` is set and it
   * holds a run. Leftovers of a start that failed before producing anything are ignored. Throws
   * `out-not-writable`, `out-not-empty`, `not-a-run`, `run-locked`.
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
      const file = code === "EEXIST" || code === "ENOTDIR" ? await fileOnTheWay(root) : null;
      const isThere = file === root ? "a file has that name" : file && `${file} is a file`;
      const reason = isThere ?? (code === "EACCES" ? "permission denied" : null);
      throw new RevqError("out-not-writable", `The output folder ${root} cannot be made (${reason ?? code}).`, {
        fix: "Use another output folder.",
        setting: { path: "out" },
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

  /** Starts a new metrics.jsonl with these records: after a resume, those up to the checkpoint. */
  async startMetrics(records: readonly object[]): Promise<void> {
    await this.write("run/metrics.jsonl", records.map(toLine).join(""));
  }

  async appendMetrics(record: object): Promise<void> {
    await appendFile(this.path("run", "metrics.jsonl"), toLine(record));
  }

  /** Adds to the seconds of encoding over all starts of the run; returns the sum. */
  async addSeconds(seconds: number): Promise<number> {
    const before = Number(await readFile(this.path("run", "latents", "seconds"), "utf8").catch(() => "0")) || 0;
    await this.write("run/latents/seconds", `${before + seconds}\n`);
    return before + seconds;
  }

  /** Releases the lock. */
  async close(): Promise<void> {
    await this.lock.release();
  }
}

/** The working folder of the first start, which relative paths in config.yaml are meant from. */
export const startedIn = "run/started-in";

/** The files of a run before its first result, relative to the folder. */
const failedStart = new Set(["run", join("run", "config.yaml"), join(startedIn), join("run", "lock")]);

function requireUsable(root: string, entries: readonly string[], resume: boolean): void {
  const taken = entries.filter((entry) => !failedStart.has(entry) && !isLeftover(basename(entry)));
  if (taken.length === 0) return;
  if (!resume) {
    throw new RevqError("out-not-empty", `The output folder ${root} is not empty.`, {
      fix: "Resume that run, or use another output folder.",
      setting: { path: "out" },
    });
  }
  if (!entries.includes(join("run", "config.yaml"))) {
    throw new RevqError("not-a-run", `There is no run to resume in ${root}: it has files, but no run/config.yaml.`, {
      fix: "Use the folder of the run, or a new folder without resuming.",
      setting: { path: "out" },
    });
  }
}

/** A temporary file of a killed process. */
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
