/**
 * Reads byte ranges of many files. A limited number of files, those used last, stay open until
 * `close`.
 */
import { open, type FileHandle } from "node:fs/promises";
import { damaged } from "./plan.js";

const maxOpen = 64;

interface OpenFile {
  readonly handle: Promise<FileHandle>;
  readers: number;
}

export class OpenFiles {
  /** Ordered by use, the latest last. */
  private readonly files = new Map<string, OpenFile>();

  async read(path: string, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const file = this.use(path);
    file.readers++;
    try {
      const handle = await file.handle;
      const bytes = new Uint8Array(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
        if (bytesRead === 0) throw damaged(path, "it was truncated while it was read");
        filled += bytesRead;
      }
      return bytes;
    } finally {
      file.readers--;
      await this.closeIdle(maxOpen);
    }
  }

  /** Closes every file that is not being read. */
  close(): Promise<void> {
    return this.closeIdle(0);
  }

  private use(path: string): OpenFile {
    const file = this.files.get(path) ?? { handle: open(path, "r"), readers: 0 };
    this.files.delete(path);
    this.files.set(path, file);
    return file;
  }

  private async closeIdle(keep: number): Promise<void> {
    for (const [path, file] of this.files) {
      if (this.files.size <= keep) return;
      if (file.readers > 0) continue;
      this.files.delete(path);
      await (await file.handle).close();
    }
  }
}
