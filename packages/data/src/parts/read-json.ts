import type { RevqError } from "@revq/core";
import { readFile } from "node:fs/promises";
import type { z } from "zod";

/**
 * A JSON file of a job; null if there is none.
 *
 * @param damaged makes the error that is thrown if the file does not match the schema
 */
export async function readJson<T>(
  path: string,
  schema: z.ZodType<T>,
  damaged: (path: string, why: string) => RevqError,
): Promise<T | null> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return null;
    throw damaged(path, error.code ?? error.message);
  });
  if (text === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged(path, "it is not JSON");
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw damaged(path, `${issue!.path.join(".") || "the file"}: ${issue!.message}`);
}
