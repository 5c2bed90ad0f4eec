/** SHA-256 as 64 hex digits. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";

export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

export async function fileHash(path: string): Promise<string> {
  return sha256(await readFile(path));
}
