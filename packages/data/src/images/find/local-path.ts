/**
 * Paths of local files. A path is a string, or bytes where a name on the way is not UTF-8. Nothing in
 * it is decoded: `%`, `?` and `#` are themselves.
 */
import { open, opendir, type FileHandle } from "node:fs/promises";
import { signatureLength } from "../sniff.js";
import { hiddenPart } from "./file-kind.js";

export type LocalPath = string | Buffer;

/** Entries of a folder that are read in one go. */
const entriesAtOnce = 1024;

/** An entry of a folder. */
export interface FolderEntry {
  readonly path: LocalPath;
  /** For people: bytes that are not UTF-8 are written `\xE9`. */
  readonly name: string;
  readonly type: "file" | "folder" | "link" | "other";
  readonly hidden: boolean;
}

/** The entries of a folder, in no order. There may be millions: they are never all in memory. */
export async function* listFolder(folder: LocalPath): AsyncGenerator<FolderEntry> {
  // With encoding "buffer" names are bytes, which the types of Node do not know.
  const entries = await opendir(folder, { encoding: "buffer" as BufferEncoding, bufferSize: entriesAtOnce });
  for await (const entry of entries) {
    const bytes = entry.name as unknown as Buffer;
    const name = pathText(bytes);
    yield {
      path: joinPath(folder, bytes),
      name,
      type: entry.isFile() ? "file" : entry.isDirectory() ? "folder" : entry.isSymbolicLink() ? "link" : "other",
      hidden: hiddenPart(name) !== null,
    };
  }
}

/** Text of a path; different bytes give different text. */
export function pathText(path: LocalPath): string {
  if (typeof path === "string") return path;
  const text = path.toString("utf8");
  if (Buffer.from(text, "utf8").equals(path)) return text;
  return Array.from(path, (byte) =>
    byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16).toUpperCase()}`,
  ).join("");
}

function joinPath(folder: LocalPath, name: Buffer): LocalPath {
  const path = Buffer.concat([Buffer.from(folder), Buffer.from("/"), name]);
  const text = path.toString("utf8");
  return Buffer.from(text, "utf8").equals(path) ? text.replace(/^\/\//, "/") : path;
}

/** The path of what has this text below a folder. A name that is not UTF-8 has another path. */
export function pathIn(folder: string, name: string): string {
  return folder.endsWith("/") ? folder + name : `${folder}/${name}`;
}

/** The first bytes of a file; fewer when it is shorter. */
export async function readHead(path: LocalPath, length = signatureLength): Promise<Uint8Array> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, "r");
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file?.close();
  }
}

/** A system error in words: "permission denied", not an error number. */
export function systemReason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  if (code === "ENOENT") return "the file does not exist, or a link is broken";
  if (code === "ENOTDIR") return "a part of its path is a file";
  if (code === "ELOOP") return "a link that leads back to itself; remove it, or link to a file";
  if (code === "ENAMETOOLONG") return "the name is too long for this file system";
  if (code === "EIO") return "the disk cannot read it (input/output error); copy it again from its source";
  if (code === "EMFILE" || code === "ENFILE") return "too many files are open (`ulimit -n` is the limit)";
  if (code === "EISDIR") return "it is a folder; a file was expected";
  if (code === "ESTALE") return "the file was replaced on the network file system; start again";
  return error instanceof Error ? error.message : String(error);
}

/** Sorts by UTF-8 bytes, the order of `LC_ALL=C sort`, which does not depend on a locale. */
export function sortByBytes<T>(items: readonly T[], name: (item: T) => string): T[] {
  // Code units are in the order of bytes, but for those of pairs.
  if (items.every((item) => !/[\ud800-\udfff]/.test(name(item)))) {
    return items.toSorted((a, b) => compare(name(a), name(b)));
  }
  return items
    .map((item) => ({ item, key: Buffer.from(name(item), "utf8").toString("latin1") }))
    .sort((a, b) => compare(a.key, b.key))
    .map(({ item }) => item);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
