/** Bytes in memory as a byte source. */
import type { ByteSource } from "@revq/core";
import { checkRange } from "./byte-source.js";

/**
 * The result of `read` is a view of `bytes`, not a copy: do not write to it.
 *
 * @example
 * const source = fromBuffer("bytes", Uint8Array.of(1, 2, 3, 4));
 * await source.read(1, 2); // => [2, 3]
 */
export function fromBuffer(name: string, bytes: Uint8Array): ByteSource {
  // A Node Buffer's `slice` is a view, where readers expect a copy. So give plain arrays.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    name,
    size: plain.byteLength,
    async read(offset, length) {
      checkRange({ name, size: plain.byteLength }, offset, length);
      return plain.subarray(offset, offset + length);
    },
  };
}
