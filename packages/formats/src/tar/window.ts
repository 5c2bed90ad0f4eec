import type { ByteSource } from "@revq/core";

/** Bytes read at once: small files are close together. */
const windowSize = 1 << 16;

export type ReadBytes = (offset: number, length: number) => Promise<Uint8Array>;

/** Reads through one window that moves forward. The bytes are views of the window. */
export function windowed(source: ByteSource): ReadBytes {
  let start = 0;
  let bytes = new Uint8Array(0);
  return async (offset, length) => {
    if (offset < start || offset + length > start + bytes.length) {
      start = offset;
      bytes = new Uint8Array(await source.read(offset, Math.min(Math.max(length, windowSize), source.size - offset)));
    }
    return bytes.subarray(offset - start, offset - start + length);
  };
}
