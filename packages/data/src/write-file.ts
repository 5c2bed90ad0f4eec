/** Files that are whole or absent: written beside their place, then renamed into it. */
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** Replaces the file in one step and makes its folder where needed. A reader sees the old bytes or the new ones. */
export async function writeFileAtomic(path: string, bytes: Uint8Array): Promise<void> {
  await writeAtomically(path, (temporary) => writeFile(temporary, bytes, { flush: true }));
}

/** The same for a file that is written in parts: `write` gets the path to write to. */
export async function writeAtomically(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const target = resolve(path);
  await mkdir(dirname(target), { recursive: true });
  const temporary = `${target}.${process.pid}.${(writes += 1)}.tmp`;
  try {
    await write(temporary);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

let writes = 0;
