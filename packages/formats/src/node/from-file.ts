/**
 * A file on disk as a byte source. Each read opens and closes the file, so a missing `close` leaks
 * nothing.
 */
import { open, type FileHandle } from "node:fs/promises";
import { RevqError, type ByteSource } from "@revq/core";
import { checkRange } from "../bytes/byte-source.js";
import { fileError } from "./file-error.js";

/**
 * A path is bytes where a name on the way is not UTF-8. When the file changes or another takes its place, the next read throws `file-changed`.
 * @throws RevqError `file-not-found`, `file-denied`, `file-is-folder`
 * @example
 * import { tmpdir } from "node:os";
 * const path = `${tmpdir()}/revq-example.bin`;
 * await writeFileAtomic(path, Uint8Array.of(1, 2, 3));
 * const source = await fromFile(path);
 * await source.read(1, 2); // => [2, 3]
 */
export async function fromFile(path: string | Buffer): Promise<ByteSource> {
  const opened = await withFile(path, identity);
  const name = path.toString();
  return {
    name,
    size: opened.size,
    async read(offset, length) {
      checkRange({ name, size: opened.size }, offset, length);
      return withFile(path, async (file) => {
        const now = await identity(file);
        if (now.size !== opened.size || now.inode !== opened.inode || now.modified !== opened.modified) {
          throw new RevqError("file-changed", `${name} changed while it was read.`, {
            fix: "Wait until it is complete, then start again.",
          });
        }
        const bytes = new Uint8Array(length);
        let filled = 0;
        while (filled < length) {
          const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
          if (bytesRead === 0) {
            throw new RevqError("byte-source-short", `${name}: got ${filled} bytes of ${length}.`, {
              fix: "The file changed while it was read.",
            });
          }
          filled += bytesRead;
        }
        return bytes;
      });
    },
  };
}

async function identity(file: FileHandle): Promise<{ size: number; inode: number; modified: number }> {
  const stats = await file.stat();
  if (stats.isDirectory()) throw Object.assign(new Error("is a directory"), { code: "EISDIR" });
  return { size: stats.size, inode: stats.ino, modified: stats.mtimeMs };
}

async function withFile<T>(path: string | Buffer, use: (file: FileHandle) => Promise<T>): Promise<T> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, "r");
    return await use(file);
  } catch (cause) {
    throw fileError(path.toString(), cause, "read");
  } finally {
    await file?.close();
  }
}
