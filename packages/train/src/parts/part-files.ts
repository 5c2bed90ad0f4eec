/**
 * The results of a job with one unit per part, as files `part-00003-of-00016.<extension>` in a
 * folder. Every file holds the key of its job; results of different keys are never joined. Machines
 * without a common disk write into folders of their own, which `gatherParts` reads together.
 */
import { RevqError } from "@revq/core";
import { sha256OfFile, writeFileAtomic } from "@revq/formats/node";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";

export interface PartHeader<Key> {
  /** What all parts of a job agree on. */
  readonly key: Key;
  readonly part: number;
}

/** How one kind of job is written. */
export interface PartFormat<Key, Result> {
  /** For messages and error codes: "evaluation". */
  readonly job: string;
  readonly extension: string;
  /** The number of parts. */
  parts(key: Key): number;
  encode(header: PartHeader<Key>, result: Result): Uint8Array | string;
  /** Throws anything for a file that is not such a part. */
  decodeHeader(path: string): Promise<PartHeader<Key>>;
  decodeResult(path: string): Promise<Result>;
}

export class PartFiles<Key, Result> {
  constructor(
    private readonly folder: string,
    private readonly format: PartFormat<Key, Result>,
    private readonly key: Key,
  ) {}

  get parts(): number {
    return this.format.parts(this.key);
  }

  async write(part: number, result: Result): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const bytes = this.format.encode({ key: this.key, part }, result);
    await writeFileAtomic(join(this.folder, fileName(part, this.parts, this.format)), bytes);
  }

  /**
   * Parts without a file.
   * @param others what to do with a file of another job; default: throw `<job>-mixed`
   */
  async missing(others: "refuse" | "ignore" = "refuse"): Promise<number[]> {
    const found = new Set<number>();
    for (const path of await listParts(this.folder, this.format)) {
      const header = await readHeader(path, this.format);
      if (sameKey(header.key, this.key)) found.add(header.part);
      else if (others === "refuse") throw mixed(path, this.format, differences(this.key, header.key));
    }
    return Array.from({ length: this.parts }, (_, part) => part).filter((part) => !found.has(part));
  }
}

/** True when the folder holds a part of this kind of job. */
export async function holdsParts<Key, Result>(folder: string, format: PartFormat<Key, Result>): Promise<boolean> {
  return (await listParts(folder, format)).length > 0;
}

/**
 * The results of all parts, in order, from one or more folders. The same part in two folders counts
 * once if it is the same.
 * @param wanted the key of the job; parts of other jobs are then ignored. Without it, all parts
 * must have one key
 * @throws RevqError `not-an-<job>`, `<job>-unfinished`, `<job>-mixed`, `<job>-damaged`
 */
export async function gatherParts<Key, Result>(
  folders: readonly string[],
  format: PartFormat<Key, Result>,
  wanted?: Key,
): Promise<{ key: Key; results: Result[] }> {
  const paths = new Map<number, string>();
  let key = wanted;
  for (const folder of folders) {
    for (const path of await listParts(folder, format)) {
      const header = await readHeader(path, format);
      key ??= header.key;
      if (!sameKey(header.key, key) && wanted !== undefined) continue;
      if (!sameKey(header.key, key)) throw mixed(path, format, differences(key, header.key));
      const before = paths.get(header.part);
      if (before === undefined) paths.set(header.part, path);
      else if ((await sha256OfFile(before)) !== (await sha256OfFile(path))) {
        throw new RevqError(`${format.job}-mixed`, `${path} and ${before} are the same part and differ.`, {
          fix: "Remove one of the two.",
        });
      }
    }
  }
  if (key === undefined) {
    throw new RevqError(`not-an-${format.job}`, `${folders.join(", ")} hold no part of an ${format.job}.`, {
      fix: `Name folders with parts of an ${format.job}.`,
    });
  }
  const parts = format.parts(key);
  requireAll(paths, parts, format.job);
  const results: Result[] = [];
  for (let part = 0; part < parts; part++) {
    const path = paths.get(part)!;
    results.push(
      await format.decodeResult(path).catch((cause: unknown) => Promise.reject(damaged(path, format.job, cause))),
    );
  }
  return { key, results };
}

function requireAll(found: ReadonlyMap<number, string>, parts: number, job: string): void {
  const missing = Array.from({ length: parts }, (_, part) => part).filter((part) => !found.has(part));
  if (missing.length === 0) return;
  const shown = missing.slice(0, 8).join(", ") + (missing.length > 8 ? ", …" : "");
  throw new RevqError(
    `${job}-unfinished`,
    `${missing.length} of ${parts} parts of the ${job} are missing (${shown}).`,
    {
      fix: "Run the missing parts.",
      setting: { path: "shard", value: `${missing[0]}/${parts}` },
    },
  );
}

function fileName<Key, Result>(part: number, parts: number, { extension }: PartFormat<Key, Result>): string {
  const digits = (value: number): string => String(value).padStart(5, "0");
  return `part-${digits(part)}-of-${digits(parts)}.${extension}`;
}

async function listParts<Key, Result>(folder: string, { extension }: PartFormat<Key, Result>): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  const pattern = new RegExp(`^part-\\d{5}-of-\\d{5}\\.${extension}$`);
  return names
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => join(folder, name));
}

/** Throws `<job>-damaged` also when the file has the name of another part. */
async function readHeader<Key, Result>(path: string, format: PartFormat<Key, Result>): Promise<PartHeader<Key>> {
  const header = await format
    .decodeHeader(path)
    .catch((cause: unknown) => Promise.reject(damaged(path, format.job, cause)));
  if (path.endsWith(fileName(header.part, format.parts(header.key), format))) return header;
  throw damaged(path, format.job, new Error(`it holds part ${header.part}`));
}

function sameKey(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Names of the fields of two keys that differ. */
function differences(ours: unknown, theirs: unknown): string {
  const [a, b] = [ours, theirs] as Record<string, unknown>[];
  return Object.keys(a!)
    .filter((name) => JSON.stringify(a![name]) !== JSON.stringify(b![name]))
    .join(", ");
}

function mixed<Key, Result>(path: string, { job }: PartFormat<Key, Result>, what: string): RevqError {
  return new RevqError(`${job}-mixed`, `${path} is of another ${job}: ${what} differ.`, {
    fix: "Run all parts with the same settings, data and number of parts. Use another folder, or remove that file.",
  });
}

function damaged(path: string, job: string, cause: unknown): RevqError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new RevqError(`${job}-damaged`, `${path} cannot be used: ${why}`, {
    fix: "Remove that file and run its part again.",
    cause,
  });
}
