/** Bytes that are in memory already. */
import type { ByteSource } from "@revq/core";
import { checkRange } from "./byte-source.js";

/** The result of `read` is a view of `bytes`, not a copy: do not write to it. */
export function fromBuffer(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.byteLength,
    async read(offset, length) {
      checkRange({ name, size: bytes.byteLength }, offset, length);
      return bytes.subarray(offset, offset + length);
    },
  };
}
