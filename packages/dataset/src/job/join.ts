/** Joins the shards of a data set: makes the final files and `dataset.json`. */
import { RevqError } from "@revq/core";
import { sha256OfFile, writeFileAtomic } from "@revq/formats/node";
import { vocabularyFile, vocabularySchema } from "@revq/tokenizer";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { formatOf } from "../formats/index.js";
import { labelsSchema } from "../labels/label-types.js";
import {
  datasetPlanSchema,
  jobFolder,
  labelsFile,
  manifestFile,
  planHash,
  readPlan,
  requirePlan,
  sha256Schema,
  type DatasetPlan,
} from "./plan.js";
import { damaged, readJson } from "./read-json.js";
import { finishedShard, type ShardRecord } from "./shards.js";

const count = z.int().min(0);

export const datasetManifestSchema = z.strictObject({
  ...datasetPlanSchema.shape,
  plan: sha256Schema,
  samples: z.int().min(1),
  skipped: count,
  /** The files with samples, in order. Of a folder, size and hash are null. */
  files: z.array(z.strictObject({ file: z.string(), bytes: count.nullable(), sha256: sha256Schema.nullable() })),
  /** Samples of each shard. */
  shardSamples: z.array(count),
});
export type DatasetManifest = z.output<typeof datasetManifestSchema>;

/** The manifest of a complete data set of this plan; null if work is left. */
export async function readManifest(folder: string, plan: DatasetPlan): Promise<DatasetManifest | null> {
  const manifest = await readJson(join(folder, manifestFile), datasetManifestSchema).catch(() => null);
  if (!manifest || manifest.plan !== planHash(plan)) return null;
  for (const { file, bytes } of manifest.files) {
    const info = await stat(join(folder, file)).catch(() => null);
    if (!info || (bytes !== null && info.size !== bytes)) return null;
  }
  return manifest;
}

/** Shards that have to be made, ascending. */
export async function missingShards(folder: string, plan: DatasetPlan): Promise<number[]> {
  if (await readManifest(folder, plan)) return [];
  const missing: number[] = [];
  for (let shard = 0; shard < plan.shards; shard++) {
    if (!(await finishedShard(folder, plan, shard))) missing.push(shard);
  }
  return missing;
}

/**
 * Checks that every shard is there and intact, makes the final files and writes `dataset.json`. Joining
 * again gives the same bytes. Several processes may join at once.
 * @param verify compare the SHA-256 of every file, not only its size
 * @throws RevqError `not-a-dataset`, `dataset-unfinished`, `dataset-damaged`, `data-no-images`
 */
export async function joinDataset(folder: string, { verify = false } = {}): Promise<DatasetManifest> {
  const plan = await requirePlan(folder);
  try {
    const manifest = (await readManifest(folder, plan)) ?? (await joinShards(folder, plan, verify));
    if (verify) await verifyFiles(folder, manifest.files);
    return manifest;
  } catch (error) {
    // Another process may have joined, and removed the files of shards.
    const manifest = await readManifest(folder, plan);
    if (manifest && !verify) return manifest;
    throw error;
  }
}

async function joinShards(folder: string, plan: DatasetPlan, verify: boolean): Promise<DatasetManifest> {
  const records: ShardRecord[] = [];
  const missing: number[] = [];
  for (let shard = 0; shard < plan.shards; shard++) {
    const record = await finishedShard(folder, plan, shard);
    if (record) records.push(record);
    else missing.push(shard);
  }
  if (missing.length > 0) throw unfinished(folder, plan, missing);
  const shardSamples = records.map(({ samples }) => samples);
  const samples = shardSamples.reduce((sum, one) => sum + one, 0);
  if (samples === 0) {
    const first = records.flatMap(({ skipped }) => skipped)[0];
    throw new RevqError("data-no-images", `None of the ${plan.images.count} images of ${plan.source} could be read.`, {
      fix: first ? `The first problem: ${first.name}: ${first.reason}.` : "Check the images.",
    });
  }
  const ofShards = records.flatMap(({ files }) => files);
  if (verify) await verifyFiles(folder, ofShards);
  const format = formatOf(plan.format);
  const files = format.join
    ? await describeFiles(folder, await format.join({ folder, plan, samples: shardSamples, ...(await about(folder)) }))
    : ofShards;
  const manifest: DatasetManifest = {
    ...plan,
    plan: planHash(plan),
    samples,
    skipped: records.reduce((sum, { skipped }) => sum + skipped.length, 0),
    files,
    shardSamples,
  };
  await writeFileAtomic(join(folder, manifestFile), `${JSON.stringify(manifest, null, 2)}\n`);
  if (format.join) for (const { file } of ofShards) await rm(join(folder, file), { force: true });
  await removeLeftovers(folder);
  return manifest;
}

/** Vocabulary and classes as they were written when the data set was begun. */
async function about(folder: string) {
  const vocabulary = await readJson(join(folder, vocabularyFile), vocabularySchema);
  if (!vocabulary) throw damaged(join(folder, vocabularyFile), "the file is missing");
  const labels = await readJson(join(folder, labelsFile), labelsSchema);
  return { vocabulary, classNames: labels?.names ?? null };
}

async function describeFiles(folder: string, names: readonly string[]): Promise<DatasetManifest["files"]> {
  const described: DatasetManifest["files"] = [];
  for (const file of names) {
    const info = await stat(join(folder, file));
    const isFile = info.isFile();
    const hash = isFile ? await sha256OfFile(join(folder, file)) : null;
    described.push({ file, bytes: isFile ? info.size : null, sha256: hash });
  }
  return described;
}

async function verifyFiles(folder: string, files: DatasetManifest["files"]): Promise<void> {
  for (const { file, sha256 } of files) {
    if (sha256 === null || (await sha256OfFile(join(folder, file))) === sha256) continue;
    throw damaged(join(folder, file), "its content has changed since it was written");
  }
}

/** Throws `dataset-unfinished` if a data set was begun in the folder and not all of it is there. */
export async function requireFinished(folder: string): Promise<void> {
  const plan = await readPlan(folder);
  if (!plan) return;
  const missing = await missingShards(folder, plan);
  if (missing.length > 0) throw unfinished(folder, plan, missing);
}

function unfinished(folder: string, plan: DatasetPlan, missing: readonly number[]): RevqError {
  const shown = missing.slice(0, 8).join(", ") + (missing.length > 8 ? ", …" : "");
  return new RevqError(
    "dataset-unfinished",
    `${folder} is not finished: ${missing.length} of ${plan.shards} shards are missing (${shown}).`,
    { fix: "Tokenize again with the same settings: only the missing shards are made." },
  );
}

/** Of a temporary file that is removed, in milliseconds: another process may still write a recent one. */
const minAge = 600_000;

/** Removes temporary files of killed processes. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const place of [folder, join(folder, jobFolder)]) {
    for (const name of await readdir(place)) {
      if (!/^\.tokens.*\.tmp$/.test(name)) continue;
      const info = await stat(join(place, name)).catch(() => null);
      if (info && Date.now() - info.mtimeMs > minAge) await rm(join(place, name), { force: true });
    }
  }
}

/** True if the folder holds a data set, or the beginning of one. */
export async function isDataset(folder: string): Promise<boolean> {
  return (await readPlan(folder).catch(() => null)) !== null;
}
