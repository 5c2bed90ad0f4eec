/**
 * Lists the files below a folder that may be images, by name or else by content, ordered by
 * relative path in bytes.
 */
import { open, readdir, realpath, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { signatureLength, sniffFormat } from "./sniff.js";
import type { SkippedImage } from "./indexed-source.js";

const readableExtensions = new Set([".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp"]);
const otherImageExtensions = new Set(
  [".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif", ".jxl", ".jp2", ".svg", ".ppm", ".psd", ".ico"], //
);

export interface FoundFiles {
  /** Relative paths with forward slashes. Files with an image's extension are not opened here. */
  readonly candidates: readonly string[];
  readonly skipped: readonly SkippedImage[];
  /** Number of files that are not images by name or content. */
  readonly ignored: number;
}

/**
 * Walks `folder`. Leaves out hidden entries (names that begin with a dot) and symbolic links to a
 * folder above. Unreadable subfolders are listed as skipped.
 */
export async function listImageFiles(folder: string): Promise<FoundFiles> {
  const candidates: string[] = [];
  const skipped: SkippedImage[] = [];
  let ignored = 0;

  async function visitFile(name: string): Promise<void> {
    const extension = extname(name).toLowerCase();
    if (readableExtensions.has(extension)) {
      candidates.push(name);
      return;
    }
    const kind = sniffFormat(await readHead(join(folder, name)));
    if ("format" in kind) candidates.push(name);
    else if (otherImageExtensions.has(extension)) {
      skipped.push({ name, reason: `not a jpeg, png or webp image: it looks like ${kind.looksLike}` });
    } else ignored++;
  }

  async function visitFolder(path: string, ancestors: readonly string[]): Promise<void> {
    const real = await realpath(join(folder, path));
    if (ancestors.includes(real)) return;
    for (const entry of await readdir(real, { withFileTypes: true })) {
      if (entry.name.startsWith(".")) continue;
      const name = path === "" ? entry.name : `${path}/${entry.name}`;
      try {
        const kind = entry.isSymbolicLink() ? await stat(join(folder, name)) : entry;
        if (kind.isDirectory()) await visitFolder(name, [...ancestors, real]);
        else if (kind.isFile()) await visitFile(name);
      } catch (error) {
        skipped.push({ name, reason: systemReason(error) });
      }
    }
  }

  await visitFolder("", []);
  return { candidates: inByteOrder(candidates), skipped, ignored };
}

/** The first bytes of a file; fewer when it is shorter. */
export async function readHead(path: string): Promise<Uint8Array> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(signatureLength), 0, signatureLength, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** A system error in words: "permission denied", not an error number. */
export function systemReason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  if (code === "ENOENT") return "the file does not exist, or a link is broken";
  return error instanceof Error ? error.message : String(error);
}

/** Sorted by UTF-8 bytes, the order of `LC_ALL=C sort`, which does not depend on a locale. */
function inByteOrder(names: readonly string[]): string[] {
  const keys = names.map((name) => Buffer.from(name, "utf8").toString("latin1"));
  return keys.sort().map((key) => Buffer.from(key, "latin1").toString("utf8"));
}
