/** Turns errors of the operating system into `RevqError`s with the path and a fix. */
import { isRevqError, RevqError } from "@revq/core";

const known: Readonly<Record<string, { code: string; what: string; fix: string }>> = {
  ENOENT: { code: "file-not-found", what: "does not exist", fix: "Check the path." },
  ENOTDIR: { code: "file-not-found", what: "does not exist (a part of its path is a file)", fix: "Check the path." },
  EISDIR: { code: "file-is-folder", what: "is a folder, not a file", fix: "Give the path of a file." },
  EACCES: { code: "file-denied", what: "may not be accessed", fix: "Check its permissions." },
  EPERM: { code: "file-denied", what: "may not be accessed", fix: "Check its permissions." },
  EROFS: { code: "file-denied", what: "is on a read-only file system", fix: "Choose another folder." },
  ENAMETOOLONG: { code: "file-name", what: "has too long a name", fix: "Give it a shorter one." },
  ENOSPC: {
    code: "disk-full",
    what: "cannot be written: the disk is full",
    fix: "Free some space or choose another disk.",
  },
  EDQUOT: {
    code: "disk-full",
    what: "cannot be written: the quota is used up",
    fix: "Free some space or choose another disk.",
  },
};

/** Turns an error with a system code into a `RevqError`. Other errors are returned unchanged. */
export function fileError(path: string, cause: unknown, doing: "read" | "write"): unknown {
  if (isRevqError(cause)) return cause;
  const system = cause instanceof Error && "code" in cause ? String(cause.code) : undefined;
  if (system === undefined) return cause;
  if (doing === "write" && system === "ENOENT") {
    return new RevqError("folder-not-found", `${path} cannot be written: its folder does not exist.`, {
      fix: "Create the folder, or check the path.",
      cause,
    });
  }
  const match = known[system];
  if (match) return new RevqError(match.code, `${path} ${match.what}.`, { fix: match.fix, cause });
  return new RevqError(`file-${doing}`, `${path} could not be ${doing === "read" ? "read" : "written"} (${system}).`, {
    fix: "Check the path and the disk.",
    cause,
  });
}
