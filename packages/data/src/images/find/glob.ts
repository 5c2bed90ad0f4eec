/** Local files by a pattern: `*` and `?` within a name, `**` for folders of any depth. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { listFolder, pathText, sortByBytes, type FolderEntry, type LocalPath } from "./local-path.js";

export function isGlob(pattern: string): boolean {
  return /[*?]/.test(pattern);
}

/**
 * Files and folders that match, ordered by path in bytes. Hidden entries match only a part of the
 * pattern that begins with a dot. Folders that cannot be read match nothing.
 */
export async function glob(pattern: string): Promise<LocalPath[]> {
  const parts = pattern.split("/");
  const first = parts.findIndex(isGlob);
  const base = parts.slice(0, first).join("/") || (pattern.startsWith("/") ? "/" : ".");
  const found = new Map<string, LocalPath>();
  await match(base, parts.slice(first).filter(Boolean), found);
  return sortByBytes([...found.values()], pathText);
}

async function match(path: LocalPath, parts: readonly string[], found: Map<string, LocalPath>): Promise<void> {
  const [part, ...rest] = parts;
  if (part === undefined) {
    found.set(pathText(path), path);
    return;
  }
  if (part === "**") {
    await match(path, rest, found);
    for (const { type, hidden, path: next } of await entriesOf(path)) {
      if (type === "folder" && !hidden) await match(next, parts, found);
    }
    return;
  }
  if (!isGlob(part) && typeof path === "string") {
    const next = join(path, part);
    if (await exists(next)) await match(next, rest, found);
    return;
  }
  for (const { name, path: next, hidden } of await entriesOf(path)) {
    if (nameMatches(name, part) && (!hidden || part.startsWith("."))) await match(next, rest, found);
  }
}

/** @param pattern one part of a path, with `*` and `?` */
export function nameMatches(name: string, pattern: string): boolean {
  const escaped = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${escaped}$`, "su").test(name);
}

async function entriesOf(path: LocalPath): Promise<FolderEntry[]> {
  const entries: FolderEntry[] = [];
  try {
    for await (const entry of listFolder(path)) entries.push(entry);
  } catch {
    return [];
  }
  return entries;
}

export function exists(path: LocalPath): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
