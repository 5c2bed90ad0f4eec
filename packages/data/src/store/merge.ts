/**
 * Merges the shards of several folders into one folder, for machines that extract without a common
 * disk.
 */
import { RevqError } from "@revq/core";
import { mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { copyFileAtomic, writeFileAtomic } from "@revq/formats/node";
import { imagesFile, planHash, planFile, recordFile, shardFile } from "./plan.js";
import { finishedShard, requirePlan } from "./write.js";

/** Optional files that belong to all shards of a store. */
const sharedFiles = ["backbone.safetensors"];

/**
 * Copies every finished shard of `folders` into `target`. A shard that is in two folders must be
 * the same in both. Then call `joinStore`, which checks that all shards are there.
 * @throws RevqError `not-a-store`, `store-mixed` for folders of different extractions or shards
 * that differ
 */
export async function mergeStores(
  folders: readonly string[],
  target: string,
  onShard: (done: number, total: number) => void = () => {},
): Promise<void> {
  const plan = await requirePlan(folders[0]!);
  const hash = planHash(plan);
  for (const folder of folders) {
    if (planHash(await requirePlan(folder)) !== hash) {
      throw new RevqError("store-mixed", `${folder} and ${folders[0]} belong to different extractions.`, {
        fix: "Backbone, weights, image size, dtype and list of images must be the same for all parts.",
      });
    }
  }
  await mkdir(target, { recursive: true });
  for (const name of [imagesFile, ...sharedFiles]) {
    const from = join(folders[0]!, name);
    if (await stat(from).catch(() => null)) await copyFileAtomic(from, join(target, name));
  }
  await writeFileAtomic(join(target, planFile), await readFile(join(folders[0]!, planFile)));
  for (let shard = 0; shard < plan.shards; shard++) {
    let firstHash: string | undefined;
    for (const folder of folders) {
      const record = await finishedShard(folder, plan, shard);
      if (!record) continue;
      if (firstHash !== undefined && firstHash !== record.sha256) {
        throw new RevqError("store-mixed", `Shard ${shard} of ${folder} differs from another folder's.`, {
          fix: "Was one of them made by another version or engine? Remove one of them.",
        });
      }
      if (firstHash === undefined) {
        await copyFileAtomic(join(folder, shardFile(shard, plan)), join(target, shardFile(shard, plan)));
        await copyFileAtomic(join(folder, recordFile(shard, plan)), join(target, recordFile(shard, plan)));
      }
      firstHash = record.sha256;
    }
    onShard(shard + 1, plan.shards);
  }
}
