/**
 * Where a run keeps what. The folder itself is the tokenizer (config.json, model.safetensors, README.md); everything that only
 * the run needs is under `run/`. Every file is written beside its name and renamed.
 */
import { RevqError } from "@revq/core";
import { writeFileAtomic } from "@revq/formats/node";
import { appendFile, mkdir, readdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

export class RunFolder {
  private constructor(readonly root: string) {}

  /**
   * Makes the folder. An existing one with anything in it is refused unless the run is resumed; what a run leaves that failed
   * before its first result (`run/config.yaml`) does not count.
   */
  static async open(path: string, { resume }: { resume: boolean }): Promise<RunFolder> {
    const root = resolve(path);
    let entries: string[] = [];
    try {
      await mkdir(root, { recursive: true });
      entries = await readdir(root, { recursive: true });
    } catch (cause) {
      const { code = String(cause) } = cause as NodeJS.ErrnoException;
      const reason = code === "EEXIST" || code === "ENOTDIR" ? "a file has that name" : code;
      throw new RevqError("out-not-writable", `The output folder ${root} cannot be made (${reason}).`, {
        fix: "Name another one with --out.",
        cause,
      });
    }
    const taken = entries.filter((entry) => !failedStart.includes(entry));
    if (taken.length > 0 && !resume) {
      throw new RevqError("out-not-empty", `The output folder ${root} is not empty.`, {
        fix: "Continue that run with --resume, or name another folder with --out.",
      });
    }
    return new RunFolder(root);
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
    await writeFileAtomic(path, typeof data === "string" ? new TextEncoder().encode(data) : data);
    return path;
  }

  /** Starts metrics.jsonl anew with these records: after a resume, those up to the checkpoint. */
  async startMetrics(records: readonly object[]): Promise<void> {
    await this.write("run/metrics.jsonl", records.map(toLine).join(""));
  }

  async appendMetrics(record: object): Promise<void> {
    await appendFile(this.path("run", "metrics.jsonl"), toLine(record));
  }
}

/** All that a run has written before the data are read, relative to the folder. */
const failedStart = ["run", join("run", "config.yaml")];

function toLine(record: object): string {
  return `${JSON.stringify(record)}\n`;
}
