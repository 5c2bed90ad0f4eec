/** Copies the shards of several folders into one. */
import { RevqError } from "@revq/core";
import { copyFileAtomic } from "@revq/formats/node";
import { vocabularyFile } from "@revq/tokenizer";
import { mkdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readManifest } from "./join.js";
import { imagesFile, jobFolder, labelsFile, planFile, planHash, requirePlan } from "./plan.js";
import { finishedShard, recordFile } from "./shards.js";

/**
 * Copies every finished shard of `folders` into `target`, for machines without a common disk. Then call
 * `joinDataset`.
 * @throws RevqError `not-a-dataset`, `dataset-mixed` for folders of different data sets, or shards
 * that differ
 */
export async function mergeDatasets(
  folders: readonly string[],
  target: string,
  onShard: (done: number, total: number) => void = () => {},
): Promise<void> {
  const plan = await requirePlan(folders[0]!);
  for (const folder of folders) {
    if (planHash(await requirePlan(folder)) === planHash(plan)) continue;
    throw new RevqError("dataset-mixed", `${folder} and ${folders[0]} belong to different data sets.`, {
      fix: "Tokenizer, format, settings and list of images must be the same for all parts.",
    });
  }
  if (await readManifest(target, plan)) return; // it is joined already
  await mkdir(join(target, jobFolder), { recursive: true });
  for (const name of [imagesFile, vocabularyFile, labelsFile, planFile]) await copyWhole(folders[0]!, target, name);
  for (let shard = 0; shard < plan.shards; shard++) {
    let first: string | null = null;
    for (const folder of folders) {
      const record = await finishedShard(folder, plan, shard);
      if (!record) continue;
      const text = await readFile(join(folder, recordFile(shard, plan)), "utf8");
      if (first !== null && first !== text) {
        throw new RevqError("dataset-mixed", `Shard ${shard} of ${folder} differs from another folder's.`, {
          fix: "Was one of them made by another version or engine? Remove one of them.",
        });
      }
      if (first === null) {
        for (const { file } of record.files) await copyWhole(folder, target, file);
        await copyWhole(folder, target, recordFile(shard, plan));
      }
      first = text;
    }
    onShard(shard + 1, plan.shards);
  }
}

/** Nothing if there is no such file. */
async function copyWhole(from: string, to: string, name: string): Promise<void> {
  const source = join(from, name);
  const copy = join(to, name);
  if (source === copy || !(await stat(source).catch(() => null))) return;
  await mkdir(dirname(copy), { recursive: true });
  await copyFileAtomic(source, copy);
}
