/** Ids as they are read from a data set, from one of its files, or from a file that a model made. */
import { RevqError } from "@revq/core";
import type { IdsRecord } from "@revq/tokenizer";

export interface ReadTokens {
  /** In the form that the record names, `[n, t]`. */
  readonly ids: Int32Array;
  /** T. */
  readonly tokens: number;
  /** One a sample; empty if the files have none. */
  readonly names: readonly string[];
  readonly record: IdsRecord;
  /** The file of the record, for errors. */
  readonly recordedIn: string;
  /** `tokenizerFingerprint` of the tokenizer that made the data set; null if none is recorded. */
  readonly madeBy: string | null;
}

/** Samples of one file. */
export interface FileSamples {
  /** Ids of each sample. */
  readonly ids: readonly ArrayLike<unknown>[];
  /** Of each sample; null where it has none. */
  readonly names: readonly (string | null)[];
}

export interface ReadFileOptions {
  /** T of the tokenizer. */
  readonly tokens: number;
  /** Samples to read at most. */
  readonly limit: number;
}

export type ReadSamples = (path: string, options: ReadFileOptions) => Promise<FileSamples>;

/** The name of a crop: `cats/a.jpg` and 3 are `cats/a-crop3.jpg`. */
export function nameOfCrop(name: string | null, crop: number | null | undefined): string | null {
  if (name === null || crop === null || crop === undefined) return name;
  return name.replace(/(\.[^./]*)?$/, `-crop${crop}$1`);
}

export function malformed(path: string, why: string): RevqError {
  return new RevqError("ids-malformed", `${path} cannot be read as ids: ${why}.`, {
    fix: "Each sample is a list of ids, one a token; docs/tokenize.md describes the formats.",
  });
}
