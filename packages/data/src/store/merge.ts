/** Brings the shards of several folders into one: machines without a common disk extract into folders of their own. */
import { RevqError } from "@revq/core";
import { copyFile, mkdir, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "@revq/formats/node";
import { imagesFile, planDigest, planFile, recordFile, shardFile } from "./plan.js";
import { finishedShard, requirePlan } from "./write.js";

/** Optional files of a store that belong to all its shards. */
const common = ["backbone.safetensors"];

/**
 * Copies every finished shard of `folders` into `target`. A shard that two folders have must be the same in both: then it counts once.
 * Throws `store-mixed` for folders of different extractions or shards that differ. `joinStore` then checks that all are there.
 */
export async function mergeStores(
  folders: readonly string[],
  target: string,
  onShard: (done: number, total: number) => void = () => {},
): Promise<void> {
  const plan = await requirePlan(folders[0]!);
  const digest = planDigest(plan);
  for (const folder of folders) {
    if (planDigest(await requirePlan(folder)) !== digest) {
      throw new RevqError("store-mixed", `${folder} and ${folders[0]} are not parts of one extraction.`, {
        fix: "Backbone, weights, image size, dtype and list of images must be the same for all parts.",
      });
    }
  }
  await mkdir(target, { recursive: true });
  for (const name of [imagesFile, ...common]) {
    const from = join(folders[0]!, name);
    if (await stat(from).catch(() => null)) await copyWhole(from, join(target, name));
  }
  await writeFileAtomic(join(target, planFile), await readFile(join(folders[0]!, planFile)));
  for (let shard = 0; shard < plan.shards; shard++) {
    let digestOfFirst: string | undefined;
    for (const folder of folders) {
      const record = await finishedShard(folder, plan, shard);
      if (!record) continue;
      if (digestOfFirst !== undefined && digestOfFirst !== record.sha256) {
        throw new RevqError("store-mixed", `Shard ${shard} of ${folder} differs from another folder's.`, {
          fix: "Was one of them made by another version or engine? Remove one of the two.",
        });
      }
      if (digestOfFirst === undefined) {
        await copyWhole(join(folder, shardFile(shard, plan)), join(target, shardFile(shard, plan)));
        await copyWhole(join(folder, recordFile(shard, plan)), join(target, recordFile(shard, plan)));
      }
      digestOfFirst = record.sha256;
    }
    onShard(shard + 1, plan.shards);
  }
}

async function copyWhole(from: string, to: string): Promise<void> {
  if (from === to) return;
  await copyFile(from, `${to}.part`);
  await rename(`${to}.part`, to);
}
