/**
 * The files that the server serves: those of a few mounted folders, by URL path. Everything else is refused. A path is
 * decoded once and must stay below its folder; so must the file that it leads to after links are followed.
 */
import { realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";

export interface Mount {
  /** Begins and ends with a slash: `/tokenizers/0/`. */
  readonly prefix: string;
  readonly folder: string;
  /** Only these files, relative to the folder, with forward slashes; undefined: all files. */
  readonly files?: ReadonlySet<string>;
}

export type Found =
  | { readonly status: 200; readonly path: string; readonly size: number; readonly modified: number }
  | { readonly status: 403 | 404 };

const forbidden: Found = { status: 403 };
const missing: Found = { status: 404 };

/** @param pathname of the request line: percent-encoded, not normalized */
export async function findFile(mounts: readonly Mount[], pathname: string): Promise<Found> {
  const mount = mounts
    .filter(({ prefix }) => pathname.startsWith(prefix))
    .sort((a, b) => b.prefix.length - a.prefix.length)[0];
  if (!mount) return missing;
  let name: string;
  try {
    name = decodeURIComponent(pathname.slice(mount.prefix.length));
  } catch {
    return missing;
  }
  if (name === "") return missing;
  const parts = name.split("/");
  // Backslashes and drive letters are folders on Windows; a leading dot marks hidden files such as .git and .env.
  if (/[\\\0]/.test(name) || parts.some((part) => part === "" || part.startsWith(".") || part.includes(":")))
    return forbidden;
  if (mount.files && !mount.files.has(name)) return forbidden;
  try {
    const root = await realpath(mount.folder);
    const path = await realpath(join(root, ...parts));
    if (!path.startsWith(root.endsWith(sep) ? root : root + sep)) return forbidden;
    const { size, mtimeMs } = await stat(path).then((status) => {
      if (!status.isFile()) throw new Error("no file");
      return status;
    });
    return { status: 200, path, size, modified: mtimeMs };
  } catch {
    return missing;
  }
}
