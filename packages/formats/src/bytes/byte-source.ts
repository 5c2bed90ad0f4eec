/**
 * What every byte source shares: the range check, and reading all of it. The contract is `ByteSource` of @revq/core; the
 * implementations here are memory, Blob and URL; files are in `@revq/formats/node`.
 */
import { RevqError, type ByteSource } from "@revq/core";

/** Throws `byte-range` unless [offset, offset + length) lies inside the source. */
export function checkRange(source: Pick<ByteSource, "name" | "size">, offset: number, length: number): void {
  const valid = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (!valid || offset + length > source.size) {
    throw new RevqError(
      "byte-range",
      `${source.name}: bytes ${offset} to ${offset + length} were asked for, but it has ${source.size}.`,
      { fix: "The file is truncated or its header is wrong; get it again." },
    );
  }
}

/** Checks that a source gave what it promised: exactly `length` bytes. */
export function checkLength(source: Pick<ByteSource, "name">, bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.byteLength !== length) {
    throw new RevqError("byte-source-short", `${source.name}: got ${bytes.byteLength} bytes of ${length}.`, {
      fix: "The file changed while it was read, or the connection was cut; try again.",
    });
  }
  return bytes;
}

/** The whole source in memory. */
export function readAll(source: ByteSource): Promise<Uint8Array> {
  return source.read(0, source.size);
}
