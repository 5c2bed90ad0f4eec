/** The image of one row: bytes, a record with `bytes` and `path`, or a list of one of them. */

/** Reads a file that a row names by a relative path; null if there is none. */
export type ReadBeside = (path: string) => Promise<Uint8Array | null>;

/** Throws an `Error` whose message says why the row has no image. */
export async function bytesOfRow(value: unknown, beside: ReadBeside | null): Promise<Uint8Array> {
  if (value === null || value === undefined) throw new Error("the row is null");
  if (Array.isArray(value)) {
    if (value.length === 1) return bytesOfRow(value[0], beside);
    throw new Error(`the row is a list of ${value.length}; a list of one image was expected`);
  }
  if (value instanceof Uint8Array) {
    if (value.length === 0) throw new Error("the row has no bytes");
    return value;
  }
  const { bytes, path } = value as { readonly bytes?: unknown; readonly path?: unknown };
  if (bytes instanceof Uint8Array && bytes.length > 0) return bytes;
  const name = path instanceof Uint8Array ? new TextDecoder().decode(path) : typeof path === "string" ? path : "";
  if (name === "") throw new Error("the row is null: it has neither bytes nor a path");
  const read = await beside?.(name);
  if (read) return read;
  throw new Error(`the row has no bytes; it names the file ${name}, which is not beside the table`);
}
