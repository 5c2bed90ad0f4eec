/** Shards of a data set and their records. */
import { sha256, writeFileAtomic } from "@revq/formats/node";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { DatasetContext } from "../formats/format.js";
import { formatOf } from "../formats/index.js";
import { shardName } from "../formats/format.js";
import type { ShardContent } from "../formats/shard-content.js";
import { jobFolder, planHash, sha256Schema, type DatasetPlan } from "./plan.js";
import { readJson } from "./read-json.js";

const count = z.int().min(0);

export const shardRecordSchema = z.strictObject({
  /** `planHash` of the data set that the shard belongs to. */
  plan: sha256Schema,
  shard: count,
  samples: count,
  files: z.array(z.strictObject({ file: z.string(), bytes: count, sha256: sha256Schema })),
  skipped: z.array(z.strictObject({ name: z.string(), reason: z.string() })),
});
export type ShardRecord = z.output<typeof shardRecordSchema>;

export function recordFile(shard: number, plan: Pick<DatasetPlan, "shards">): string {
  return `${jobFolder}/${shardName(shard, plan, ".json")}`;
}

/** Writes the files of a shard, then its record. The bytes do not depend on the process. */
export async function writeShard(
  folder: string,
  shard: number,
  content: ShardContent,
  skipped: ShardRecord["skipped"],
  context: DatasetContext,
): Promise<void> {
  const { plan } = context;
  const files: ShardRecord["files"] = [];
  for (const { name, data } of formatOf(plan.format).write(content, shard, context)) {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    await writeFileAtomic(join(folder, name), bytes);
    files.push({ file: name, bytes: bytes.length, sha256: sha256(bytes) });
  }
  const record: ShardRecord = { plan: planHash(plan), shard, samples: content.keys.length, files, skipped };
  await writeFileAtomic(join(folder, recordFile(shard, plan)), `${JSON.stringify(record, null, 2)}\n`);
}

/** The record of a shard of this plan; null if there is none. Its files may be joined and gone. */
export async function readRecord(folder: string, plan: DatasetPlan, shard: number): Promise<ShardRecord | null> {
  const record = await readJson(join(folder, recordFile(shard, plan)), shardRecordSchema).catch(() => null);
  return record && record.plan === planHash(plan) && record.shard === shard ? record : null;
}

/** The record of a shard whose files have the right sizes; null if the shard has to be made. */
export async function finishedShard(folder: string, plan: DatasetPlan, shard: number): Promise<ShardRecord | null> {
  const record = await readRecord(folder, plan, shard);
  if (!record) return null;
  for (const { file, bytes } of record.files) {
    const info = await stat(join(folder, file)).catch(() => null);
    if (info?.size !== bytes) return null;
  }
  return record;
}

/** The skipped images of shards, as their records have them. */
export async function skippedOf(
  folder: string,
  plan: DatasetPlan,
  shards: readonly number[],
): Promise<ShardRecord["skipped"]> {
  const records = await Promise.all(shards.map((shard) => readRecord(folder, plan, shard)));
  return records.flatMap((record) => record?.skipped ?? []);
}
