/** SHA-256 in Node, as 64 hex digits. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

/**
 * A string is hashed as UTF-8.
 *
 * @example
 * sha256("abc").slice(0, 16); // => "ba7816bf8f01cfea"
 */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** The hash of a file's content. The file may be larger than the memory. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}
