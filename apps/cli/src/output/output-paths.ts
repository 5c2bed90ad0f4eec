/** Checks the paths of results before the work begins, so that errors come early. */
import { RevqError } from "@revq/core";
import { fileOnTheWay } from "@revq/formats/node";
import { constants } from "node:fs";
import { access, mkdir, readdir, readFile, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { UsageError } from "../errors/usage-error.js";

/** Throws `out-not-writable` unless the file can be written: its folder exists, and no folder has its name. */
export async function requireWritableFile(path: string): Promise<void> {
  const folder = dirname(resolve(path));
  const info = await stat(path).catch(() => null);
  if (info?.isDirectory()) throw unusable(path, "it is a folder", "Name a file.");
  const parent = await stat(folder).catch(() => null);
  if (!parent?.isDirectory()) {
    const file = await fileOnTheWay(folder);
    if (file !== null) throw unusable(path, `${file} is a file`, "Name another file.");
    throw unusable(path, `there is no folder ${folder}`, "Create the folder, or name another file.");
  }
  await access(folder, constants.W_OK).catch(() => {
    throw unusable(path, `nothing can be written into ${folder}`, "Name a file elsewhere.");
  });
}

/** Throws `out-exists` if there is a file of that name. */
export async function requireNewFile(path: string): Promise<void> {
  if (!(await stat(path).catch(() => null))) return;
  throw new UsageError("out-exists", `${path} exists already.`, {
    fix: "Name a new file, or replace this one.",
    setting: { path: "overwrite" },
  });
}

/**
 * Throws `out-not-empty` if the folder exists and holds anything, `out-not-writable` if a file is in its way.
 *
 * @param mayOverwrite whether the command has a flag for that
 */
export async function requireEmptyFolder(path: string, mayOverwrite = false): Promise<void> {
  await requireFolderPath(path);
  if ((await readdir(path).catch(() => [])).length === 0) return;
  throw new UsageError(
    "out-not-empty",
    `${path} is not empty.`,
    mayOverwrite
      ? { fix: "Name a new folder, or write into this one.", setting: { path: "overwrite" } }
      : { fix: "Name a new folder." },
  );
}

/** Throws `out-not-writable` if a file is in the way of the folder. Makes nothing. */
export async function requireFolderPath(path: string): Promise<void> {
  const folder = resolve(path);
  const info = await stat(folder).catch(() => null);
  if (info?.isDirectory()) return;
  if (info) throw unusable(path, "a file has that name", "Name another folder.");
  const file = await fileOnTheWay(folder);
  if (file !== null) throw unusable(path, `${file} is a file`, "Name another folder.");
}

/** Throws `out-not-empty` if the folder has files and is no report: the page would lie among them, or replace a page. */
export async function requireReportFolder(path: string): Promise<void> {
  await requireFolderPath(path);
  if ((await readdir(path).catch(() => [])).length === 0) return;
  const page = await readFile(join(path, "index.html"), "utf8").catch(() => "");
  const { reportMark } = await import("@revq/report");
  if (page.includes(reportMark)) return;
  throw new UsageError("out-not-empty", `${path} is not empty and holds no report of revq.`, {
    fix: "Name a new folder, or that of an earlier report.",
    setting: { path: "report" },
  });
}

/** Makes a folder. Throws `out-not-writable`, with the reason. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
    await access(path, constants.W_OK);
  } catch (error) {
    const { code: given = String(error) } = error as NodeJS.ErrnoException;
    // Node 20 says ENOENT for a new folder on a read-only disk.
    const code = given === "ENOENT" ? ((await refusalOfParent(resolve(path))) ?? given) : given;
    const file = code === "EEXIST" || code === "ENOTDIR" ? await fileOnTheWay(resolve(path)) : null;
    const reason =
      file === null ? systemReason(code) : file === resolve(path) ? "a file has that name" : `${file} is a file`;
    throw unusable(path, reason, "Name another folder.", error);
  }
}

/**
 * Makes the folder for the work. If the work fails and has written nothing, the folder is removed, unless it was there
 * before.
 */
export async function withFolder<T>(path: string, work: () => Promise<T>): Promise<T> {
  const before = await stat(path).catch(() => null);
  await makeFolder(path);
  try {
    return await work();
  } catch (error) {
    if (!before) await rmdir(path).catch(() => {}); // fails if something was written
    throw error;
  }
}

/** `withFolder` for a folder that is empty or not there: if the work fails, what it has written is removed. */
export async function withEmptyFolder<T>(path: string, work: () => Promise<T>): Promise<T> {
  return withFolder(path, async () => {
    try {
      return await work();
    } catch (error) {
      for (const name of await readdir(path).catch(() => []))
        await rm(join(path, name), { recursive: true, force: true });
      throw error;
    }
  });
}

/** Why nothing can be written into the nearest folder above that exists; null if something can. */
async function refusalOfParent(path: string): Promise<string | null> {
  const parent = dirname(path);
  if (parent !== path && !(await stat(parent).catch(() => null))) return refusalOfParent(parent);
  return access(parent, constants.W_OK).then(
    () => null,
    (error: NodeJS.ErrnoException) => error.code ?? null,
  );
}

function systemReason(code: string): string {
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") return "nothing can be written there";
  if (code === "ENOSPC") return "the disk is full";
  if (code === "ENAMETOOLONG") return "the name is too long";
  return code;
}

function unusable(path: string, reason: string, fix: string, cause?: unknown): RevqError {
  return new RevqError("out-not-writable", `${path} cannot be written: ${reason}.`, { fix, cause });
}
