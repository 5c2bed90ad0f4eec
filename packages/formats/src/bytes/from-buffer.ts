/** Bytes that are in memory already. */
import type { ByteSource } from "@revq/core";
import { checkRange } from "./byte-source.js";

/** The result of `read` is a view of `bytes`, not a copy: do not write to it. */
export function fromBuffer(name: string, bytes: Uint8Array): ByteSource {
  // Of a Node Buffer `slice` is a view, where readers need a copy: hand out plain arrays.
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
