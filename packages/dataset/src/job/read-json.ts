import { RevqError } from "@revq/core";
import { readJson as readJobJson } from "@revq/data";
import type { z } from "zod";

/** A JSON file of a data set; null if there is none. Throws `dataset-damaged` if it does not match the schema. */
export function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
  return readJobJson(path, schema, damaged);
}

export function damaged(path: string, why: string): RevqError {
  return new RevqError("dataset-damaged", `${path} cannot be used: ${why}.`, {
    fix: "Remove the file and tokenize again. Intact shards are kept.",
  });
}
