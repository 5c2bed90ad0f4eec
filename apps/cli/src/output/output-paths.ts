/** Checks the paths of results before the work begins, so that errors come early. */
import { RevqError } from "@revq/core";
import { constants } from "node:fs";
import { access, mkdir, readdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { UsageError } from "../errors/usage-error.js";

/** Throws `out-not-writable` unless the file can be written: its folder exists, and no folder has its name. */
export async function requireWritableFile(path: string): Promise<void> {
  const folder = dirname(resolve(path));
  const info = await stat(path).catch(() => null);
  if (info?.isDirectory()) throw unusable(path, "it is a folder", "Name a file.");
  const parent = await stat(folder).catch(() => null);
  if (!parent?.isDirectory())
    throw unusable(path, `there is no folder ${folder}`, "Create the folder, or name another file.");
  await access(folder, constants.W_OK).catch(() => {
    throw unusable(path, `nothing can be written into ${folder}`, "Name a file elsewhere.");
  });
}

/** Throws `out-not-empty` if the folder exists and holds anything. */
export async function requireEmptyFolder(path: string): Promise<void> {
  if ((await readdir(path).catch(() => [])).length === 0) return;
  throw new UsageError("out-not-empty", `${path} is not empty.`, { fix: "Name a new folder." });
}

/** Makes a folder. Throws `out-not-writable`, with the reason. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
    await access(path, constants.W_OK);
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    const reason = code === "EEXIST" || code === "ENOTDIR" ? "a file has that name" : systemReason(code);
    throw unusable(path, reason, "Name another folder.", error);
  }
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
