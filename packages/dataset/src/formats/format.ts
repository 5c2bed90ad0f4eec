/** What a format of data sets implements. */
import type { Vocabulary } from "@revq/tokenizer";
import type { DatasetPlan } from "../job/plan.js";
import type { DatasetFormatId, IdType } from "./format-id.js";
import type { ShardContent } from "./shard-content.js";

/** A file of a shard. */
export interface ShardFile {
  /** Relative to the data set's folder. */
  readonly name: string;
  readonly data: Uint8Array | string;
}

/** What a format knows of the data set. */
export interface DatasetContext {
  readonly plan: DatasetPlan;
  readonly vocabulary: Vocabulary;
  /** Names of the classes by number; null if they have none, or there are no labels. */
  readonly classNames: readonly string[] | null;
}

export interface JoinContext extends DatasetContext {
  /** The data set. */
  readonly folder: string;
  /** Samples of each shard. */
  readonly samples: readonly number[];
}

export interface DatasetFormat {
  readonly id: DatasetFormatId;
  /** The type of ids in its files. */
  idType(vocabulary: Vocabulary): IdType;
  /** Throws where the format cannot hold these tokens or needs labels. */
  check?(vocabulary: Vocabulary, hasLabels: boolean): void;
  /** The names of a shard's files. */
  names(shard: number, plan: DatasetPlan): readonly string[];
  /** A shard as files, in the order of `names`. The same content gives the same bytes. */
  write(content: ShardContent, shard: number, context: DatasetContext): readonly ShardFile[];
  /**
   * Makes the final files of those of all shards, which are removed afterwards. Joining again gives
   * the same bytes. Absent: the files of shards are final.
   * @returns names of what it made
   */
  join?(context: JoinContext): Promise<readonly string[]>;
}

/** `tokens-00003-of-00012<extension>` */
export function shardName(shard: number, { shards }: Pick<DatasetPlan, "shards">, extension: string): string {
  const digits = (value: number): string => String(value).padStart(5, "0");
  return `tokens-${digits(shard)}-of-${digits(shards)}${extension}`;
}
