/** Writes a file atomically: to a temporary file, flushed to disk, then renamed. */
import { randomUUID } from "node:crypto";
import { open, rename, unlink, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileError } from "./file-error.js";

/**
 * Replaces `path` by `data` in one step. A string is written as UTF-8. On an error, also of the
 * source of the chunks, the old file stays and the temporary one is removed. The folder must exist.
 * @throws RevqError `file-*`, `folder-not-found`, `disk-full`; or the error of the source
 * @example
 * import { tmpdir } from "node:os";
 * const path = `${tmpdir()}/revq-example.txt`;
 * await writeFileAtomic(path, "three");
 * const source = await fromFile(path);
 * source.size; // => 5
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const folder = dirname(path);
  // A name may have 255 bytes; that of the temporary file is longer.
  const name = Buffer.from(basename(path)).subarray(0, 200).toString();
  const temporary = join(folder, `.${name}.${randomUUID().slice(0, 8)}.tmp`);
  const chunks =
    typeof data === "string" ? [new TextEncoder().encode(data)] : data instanceof Uint8Array ? [data] : data;
  let created = false;
  try {
    const file = await open(temporary, "wx");
    created = true;
    try {
      for await (const chunk of chunks) await writeAll(file, chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    if (created) await unlink(temporary).catch(() => undefined);
    throw fileError(path, cause, "write");
  }
  await syncFolder(folder);
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  let written = 0;
  while (written < chunk.byteLength) written += (await file.write(chunk, written)).bytesWritten;
}

/**
 * Flushes the folder, where the platform allows it, so that the rename survives a power failure.
 */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // Windows and some file systems do not allow it. The file itself is complete.
  }
}
