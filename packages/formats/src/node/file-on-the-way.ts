/** Why a folder cannot be made: something on its path is no folder. */
import { stat } from "node:fs/promises";
import { dirname } from "node:path";

/** The path, or the nearest one above it, that is a file; null when there is none. @param path absolute */
export async function fileOnTheWay(path: string): Promise<string | null> {
  const info = await stat(path).catch(() => null);
  if (info) return info.isDirectory() ? null : path;
  const above = dirname(path);
  return above === path ? null : fileOnTheWay(above);
}
