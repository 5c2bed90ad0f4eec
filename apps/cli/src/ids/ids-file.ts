/**
 * Files of ids: `.npy` (int32 [n, t], as numpy reads it), `.json`, or `.safetensors` (tensor `ids`). All say which
 * form their ids have and what the vocabulary is (`Vocabulary` of @revq/tokenizer): a `.npy` in `FILE.vocabulary.json`
 * beside it, which is a `vocabulary.json`; names are in `FILE.names.json`. An image that was encoded in tiles has one
 * row a tile; its grid is stored with its name.
 */
import { idsRecordSchema, type TileGrid } from "@revq/tokenizer";
import { extname } from "node:path";
import { z } from "zod";
import { UsageError } from "../errors/usage-error.js";

export interface IdsFile {
  /** Codes, `[n, t]` flat; n is the number of images, or of their tiles. */
  readonly ids: Int32Array;
  /** T. */
  readonly tokens: number;
  /** One an image; empty when the file has none. */
  readonly names: readonly string[];
  /** One an image, when images are in tiles. */
  readonly grids?: readonly TileGrid[] | undefined;
  /** Fingerprint of the tokenizer that made the data set, where one is recorded. */
  readonly madeBy?: string | null;
}

const gridSchema = z.strictObject({
  width: z.int(),
  height: z.int(),
  tile: z.int(),
  columns: z.int(),
  rows: z.int(),
});

/** The names file, and the names in a `.safetensors`. */
export const namesSchema = z.union([
  z.array(z.string()),
  z.array(z.strictObject({ name: z.string(), grid: gridSchema })),
]);

/** A `.json` file of ids. */
export const jsonSchema = idsRecordSchema.extend({
  tokens: z.int().min(1),
  images: z.array(z.object({ name: z.string(), grid: gridSchema.optional(), ids: z.array(z.int()) })),
});

/** Throws `ids-format`. */
export function idsExtension(path: string): ".npy" | ".json" | ".safetensors" {
  const extension = extname(path).toLowerCase();
  if (extension === ".npy" || extension === ".json" || extension === ".safetensors") return extension;
  throw new UsageError(
    "ids-format",
    `"${path}" ${extension ? `ends with "${extension}"` : "has no extension"}: ids are written as .npy, .json or .safetensors.`,
    { fix: "Use one of these extensions." },
  );
}

/** Fails early on a name that `writeIds` would refuse. */
export function checkIdsPath(path: string): void {
  idsExtension(path);
}

export function namesFileOf(path: string): string {
  return `${path}.names.json`;
}

export function vocabularyFileOf(path: string): string {
  return `${path}.vocabulary.json`;
}
