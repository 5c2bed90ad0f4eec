/**
 * Lists the files below a folder that may hold images, by name or else by content, ordered by
 * relative path in bytes.
 */
import { realpath, stat } from "node:fs/promises";
import { kindByName, kindOf, reasonOf, type FileKind } from "./file-kind.js";
import type { SkippedImage } from "../indexed-source.js";
import {
  listFolder,
  pathIn,
  readHead,
  sortByBytes,
  systemReason,
  type FolderEntry,
  type LocalPath,
} from "./local-path.js";
import { tarHeaderLength } from "../signatures.js";

export interface WalkedFile {
  /** Relative path with forward slashes. */
  readonly name: string;
  readonly path: LocalPath;
  /** Files with an image's or archive's extension are not opened here. */
  readonly kind: Extract<FileKind, "image" | "tar" | "parquet">;
}

export interface WalkedFolder {
  /** A string is an image with an extension of images: its relative path, which `pathIn` completes. There may be millions. */
  readonly files: readonly (string | WalkedFile)[];
  readonly skipped: readonly SkippedImage[];
  /** Number of entries that are not images by name or content; a hidden folder is one. */
  readonly passedOver: number;
  /** Of these, files `.cls` and `.txt`: name -> path. */
  readonly texts: ReadonlyMap<string, LocalPath>;
}

export function nameOf(file: string | WalkedFile): string {
  return typeof file === "string" ? file : file.name;
}

/**
 * Walks `folder`. Hidden entries (see `hiddenPart`), symbolic links to a folder above, pipes and
 * devices are passed over. Unreadable subfolders are listed as skipped.
 */
export async function walkFolder(folder: LocalPath): Promise<WalkedFolder> {
  const files: (string | WalkedFile)[] = [];
  const skipped: SkippedImage[] = [];
  let passedOver = 0;
  const texts = new Map<string, LocalPath>();

  async function visitFile(path: LocalPath, name: string): Promise<void> {
    const known = kindByName(name);
    const isUsed = known === "image" || known === "tar" || known === "parquet";
    const head = isUsed ? new Uint8Array(0) : await readHead(path, tarHeaderLength);
    const kind = isUsed ? known : kindOf(name, head);
    if (kind === "image" || kind === "tar" || kind === "parquet") {
      const isInName = typeof folder === "string" && path === pathIn(folder, name);
      files.push(kind === "image" && isInName ? name : { name, path, kind });
    } else if (kind === "other") {
      passedOver++;
      if (/\.(cls|txt)$/.test(name)) texts.set(name, path);
    } else skipped.push({ name, reason: reasonOf(kind, head, name) });
  }

  async function visit(entry: FolderEntry, name: string, ancestors: readonly string[]): Promise<void> {
    try {
      const kind = entry.type === "link" ? await stat(entry.path) : null;
      if (kind?.isDirectory() ?? entry.type === "folder") await visitFolder(entry.path, name, ancestors);
      else if (kind?.isFile() ?? entry.type === "file") await visitFile(entry.path, name);
      else passedOver++;
    } catch (error) {
      skipped.push({ name, reason: systemReason(error) });
    }
  }

  async function visitFolder(path: LocalPath, name: string, ancestors: readonly string[]): Promise<void> {
    const real = (await realpath(path, "buffer")).toString("latin1");
    if (ancestors.includes(real)) {
      passedOver++;
      return;
    }
    for await (const entry of listFolder(path)) {
      if (entry.hidden) passedOver++;
      else await visit(entry, name === "" ? entry.name : `${name}/${entry.name}`, [...ancestors, real]);
    }
  }

  await visitFolder(folder, "", []);
  return { files: sortByBytes(files, nameOf), skipped, passedOver, texts };
}
