/** Where bytes come from: one interface over files, URLs and blobs. Implementations live in `@revq/formats`. */

/** A run of bytes with random access. */
export interface ByteSource {
  /** For messages: a path, an URL or a file's name. */
  readonly name: string;
  readonly size: number;
  /** Exactly `length` bytes from `offset`; a range outside the source throws. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close?(): Promise<void>;
}

/** A place weights come from: a folder, a single file, a repository of a hub. */
export interface WeightsSource {
  /** What the user typed. */
  readonly spec: string;
  /** File names relative to the place, with forward slashes; of a single file its own name. */
  list(): Promise<readonly string[]>;
  /** Opens one of them; an unknown name throws a `RevqError` that lists what is there. */
  open(name: string): Promise<ByteSource>;
}
