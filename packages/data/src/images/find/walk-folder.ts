/**
 * Lists the files below a folder that may hold images, by name or else by content, ordered by
 * relative path in bytes.
 */
import { realpath, stat } from "node:fs/promises";
import { arrowReason, kindByName, packedReason, type FileKind } from "./file-kind.js";
import type { SkippedImage } from "../indexed-source.js";
import { listFolder, readHead, sortByBytes, systemReason, type FolderEntry, type LocalPath } from "./local-path.js";
import { otherImage, rawReason, sniffFormat } from "../sniff.js";

export interface WalkedFile {
  readonly path: LocalPath;
  /** Relative path with forward slashes. */
  readonly name: string;
  /** Files with an image's or archive's extension are not opened here. */
  readonly kind: Extract<FileKind, "image" | "tar" | "parquet">;
}

export interface WalkedFolder {
  readonly files: readonly WalkedFile[];
  readonly skipped: readonly SkippedImage[];
  /** Number of files that are not images by name or content. */
  readonly passedOver: number;
}

/**
 * Walks `folder`. Leaves out hidden entries (names that begin with a dot) and symbolic links to a
 * folder above. Unreadable subfolders are listed as skipped.
 */
export async function walkFolder(folder: LocalPath): Promise<WalkedFolder> {
  const files: WalkedFile[] = [];
  const skipped: SkippedImage[] = [];
  let passedOver = 0;

  async function visitFile(path: LocalPath, name: string): Promise<void> {
    const kind = kindByName(name);
    if (kind === "image" || kind === "tar" || kind === "parquet") {
      files.push({ path, name, kind });
      return;
    }
    if (kind === "raw" || kind === "arrow") {
      skipped.push({ name, reason: kind === "raw" ? rawReason : arrowReason });
      return;
    }
    const content = sniffFormat(await readHead(path));
    if ("format" in content) files.push({ path, name, kind: "image" });
    else if (kind === "packed") skipped.push({ name, reason: packedReason });
    else if (kind === "other-image") skipped.push({ name, reason: otherImage(content.looksLike) });
    else passedOver++;
  }

  async function visit(entry: FolderEntry, name: string, ancestors: readonly string[]): Promise<void> {
    try {
      const kind = entry.type === "link" ? await stat(entry.path) : null;
      if (kind?.isDirectory() ?? entry.type === "folder") await visitFolder(entry.path, name, ancestors);
      else if (kind?.isFile() ?? entry.type === "file") await visitFile(entry.path, name);
    } catch (error) {
      skipped.push({ name, reason: systemReason(error) });
    }
  }

  async function visitFolder(path: LocalPath, name: string, ancestors: readonly string[]): Promise<void> {
    const real = (await realpath(path, "buffer")).toString("latin1");
    if (ancestors.includes(real)) return;
    for (const entry of await listFolder(path)) {
      await visit(entry, name === "" ? entry.name : `${name}/${entry.name}`, [...ancestors, real]);
    }
  }

  await visitFolder(folder, "", []);
  return { files: sortByBytes(files, ({ name }) => name), skipped, passedOver };
}
