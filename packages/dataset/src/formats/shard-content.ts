/** The samples of one shard, and ids as the bytes that a format wants. */
import type { Vocabulary } from "@revq/tokenizer";
import type { IdType } from "./format-id.js";

/** One entry a sample in every list. A sample is an image, or one crop of it. */
export interface ShardContent {
  /** Ids in the form of the vocabulary, `[n, t]`. */
  readonly ids: Int32Array;
  /** Names of the images. */
  readonly keys: readonly string[];
  /** Numbers of the images in the whole data set, from 0; skipped images have one too. */
  readonly numbers: readonly number[];
  /** Number of the crop, from 0. Null: one sample an image. */
  readonly crops: readonly number[] | null;
  readonly labels: readonly number[] | null;
  /** Null for an image without one. */
  readonly captions: readonly (string | null)[] | null;
}

/** The smallest type that holds all ids of a vocabulary. */
export function idTypeOf({ size }: Pick<Vocabulary, "size">): "uint16" | "int32" {
  return size <= 2 ** 16 ? "uint16" : "int32";
}

export type TypedIds = Uint16Array | Int32Array | BigInt64Array;

export function typedIds(ids: Int32Array, type: IdType): TypedIds {
  if (type === "uint16") return Uint16Array.from(ids);
  return type === "int32" ? ids : BigInt64Array.from(ids, BigInt);
}

/** Little-endian, as every machine that runs Node. */
export function bytesOfIds(ids: Int32Array, type: IdType): Uint8Array {
  const { buffer, byteOffset, byteLength } = typedIds(ids, type);
  return new Uint8Array(buffer, byteOffset, byteLength);
}
