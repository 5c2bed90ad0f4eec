/**
 * The codes of many latents, `[count, tokens]` int32: in memory while they are few, else in a file that is read row by row. A file
 * is this process's own and is made anew by every start: nothing reads what an earlier one left.
 */
import { mkdir, open, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

export interface CodeTableOptions {
  /** More bytes than these go into the file. */
  readonly memoryLimit: number;
  readonly path: string;
}

export class CodeTable {
  private filled = 0;

  private constructor(
    readonly count: number,
    readonly tokens: number,
    private readonly memory: Int32Array | null,
    private readonly file: FileHandle | null,
  ) {}

  static async create(count: number, tokens: number, { memoryLimit, path }: CodeTableOptions): Promise<CodeTable> {
    if (count * tokens * 4 <= memoryLimit) return new CodeTable(count, tokens, new Int32Array(count * tokens), null);
    await mkdir(dirname(path), { recursive: true });
    return new CodeTable(count, tokens, null, await open(path, "w+"));
  }

  /** @param codes of the next rows, `[n, tokens]` flat */
  async append(codes: Int32Array): Promise<void> {
    if (this.memory) this.memory.set(codes, this.filled);
    else
      await this.file!.write(
        new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength),
        0,
        null,
        this.filled * 4,
      );
    this.filled += codes.length;
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

  async close(): Promise<void> {
    await this.file?.close();
  }
}
