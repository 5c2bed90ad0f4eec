/** One interface to read files, URLs and blobs. `@revq/formats` implements it. */

/** Bytes with random access. */
export interface ByteSource {
  /** For messages: a path, a URL or a file's name. */
  readonly name: string;
  readonly size: number;
  /** Exactly `length` bytes from `offset`. Throws for a range outside the source. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close?(): Promise<void>;
}

/** A source of weights: a folder, a single file, a repository on a hub. */
export interface WeightsSource {
  /** The user's input: a path, a URL, a repository's name. */
  readonly spec: string;
  /** File names relative to the source, with forward slashes; for a single file its own name. */
  list(): Promise<readonly string[]>;
  /** Opens a file. An unknown name throws a `RevqError` that lists the known ones. */
  open(name: string): Promise<ByteSource>;
  /**
   * Of a single file: opens another file of its folder, such as its config.json; undefined where
   * there is none. Absent for a folder, which lists it.
   */
  beside?(name: string): Promise<ByteSource | undefined>;
}
