import { copyFile, rename } from "node:fs/promises";

/** Copies beside the target and renames, so that the target is whole or not there. */
export async function copyFileAtomic(from: string, to: string): Promise<void> {
  if (from === to) return;
  await copyFile(from, `${to}.part`);
  await rename(`${to}.part`, to);
}
