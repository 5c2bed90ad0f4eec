/** A Blob as a byte source: also a File of a browser's file input. */
import type { ByteSource } from "@revq/core";
import { checkLength, checkRange } from "./byte-source.js";

/**
 * @param name for messages; default: the file's name
 * @example
 * const source = fromBlob(new Blob(["abc"]), "letters");
 * source.size; // => 3
 */
export function fromBlob(blob: Blob, name?: string): ByteSource {
  const identity = {
    name: name ?? ("name" in blob && typeof blob.name === "string" ? blob.name : "blob"),
    size: blob.size,
  };
  return {
    ...identity,
    async read(offset, length) {
      checkRange(identity, offset, length);
      const bytes = new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
      return checkLength(identity, bytes, length);
    },
  };
}
