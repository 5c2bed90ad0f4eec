/**
 * Checks shared by all byte sources, and reading a whole source. The contract is `ByteSource` of
 * @revq/core. The sources of this folder are memory, blobs and URLs; files are in
 * `@revq/formats/node`.
 */
import { RevqError, type ByteSource } from "@revq/core";

/** Throws `byte-range` unless [offset, offset + length) lies inside the source. */
export function checkRange(source: Pick<ByteSource, "name" | "size">, offset: number, length: number): void {
  const valid = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (!valid || offset + length > source.size) {
    throw new RevqError(
      "byte-range",
      `${source.name} has ${source.size} bytes; ${offset} to ${offset + length} were requested.`,
      { fix: "The file is truncated or its header is wrong. Get it again." },
    );
  }
}

/** Throws `byte-source-short` unless there are exactly `length` bytes. */
export function checkLength(source: Pick<ByteSource, "name">, bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.byteLength !== length) {
    throw new RevqError("byte-source-short", `${source.name}: got ${bytes.byteLength} bytes of ${length}.`, {
      fix: "The file changed while it was read, or the connection broke. Try again.",
    });
  }
  return bytes;
}

/**
 * Reads the whole source into memory.
 *
 * @example
 * const bytes = await readAll(fromBuffer("two bytes", Uint8Array.of(7, 8)));
 * bytes; // => [7, 8]
 */
export function readAll(source: ByteSource): Promise<Uint8Array> {
  return source.read(0, source.size);
}
