/**
 * The ids of many latents, `[count, tokens]` int32. They are in memory while they are few, else in
 * a file that is read row by row. The file belongs to this process: every start makes it anew.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { mkdir, open, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

export interface IdTableOptions {
  /** Bytes. A larger table goes into the file. */
  readonly memoryLimit: number;
  readonly path: string;
}

export class IdTable {
  private filled = 0;

  private constructor(
    readonly count: number,
    readonly tokens: number,
    private readonly memory: Int32Array | null,
    private readonly file: FileHandle | null,
  ) {}

  static async create(count: number, tokens: number, { memoryLimit, path }: IdTableOptions): Promise<IdTable> {
    if (count * tokens * 4 <= memoryLimit) return new IdTable(count, tokens, new Int32Array(count * tokens), null);
    await mkdir(dirname(path), { recursive: true });
    return new IdTable(count, tokens, null, await open(path, "w+"));
  }

  /** @param ids of the next rows, `[n, tokens]` flat */
  async append(ids: Int32Array): Promise<void> {
    const at = this.filled;
    if (this.memory) this.memory.set(ids, at);
    else await this.file!.write(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength), 0, null, at * 4);
    this.filled += ids.length;
  }

  /** `[rows.length, tokens]` flat. */
  async read(rows: ArrayLike<number>): Promise<Int32Array> {
    const { tokens } = this;
    const chosen = new Int32Array(rows.length * tokens);
    if (this.memory) {
      for (let i = 0; i < rows.length; i++) {
        chosen.set(this.memory.subarray(rows[i]! * tokens, (rows[i]! + 1) * tokens), i * tokens);
      }
      return chosen;
    }
    const bytes = new Uint8Array(chosen.buffer);
    await Promise.all(
      Array.from(rows, (row, i) => this.file!.read(bytes, i * tokens * 4, tokens * 4, row * tokens * 4)),
    );
    return chosen;
  }

  /** `[rows.length, tokens]` int32. The caller owns it. */
  async tensor(rows: ArrayLike<number>): Promise<Tensor2D> {
    return tf.tensor2d(await this.read(rows), [rows.length, this.tokens], "int32");
  }

  async close(): Promise<void> {
    await this.file?.close();
  }
}
