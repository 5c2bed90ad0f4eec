/** Writes the shards of a latent store, and joins them: the manifest is written when every shard is there, once, and whole. */
import { LatentMoments } from "@revq/numerics";
import { latentShapeFromArray, latentSize, RevqError } from "@revq/core";
import { float16ToFloat32, float32ToFloat16, writeSafetensors, type TensorToWrite } from "@revq/formats";
import { writeFileAtomic } from "@revq/formats/node";
import { createReadStream } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { toChannelFirst } from "../latents/layout.js";
import {
  damaged,
  manifestFile,
  planDigest,
  planFile,
  readJson,
  readPlan,
  recordFile,
  sha256,
  sha256Schema,
  shardFile,
  shardRecordSchema,
  storePlanSchema,
  type ShardRecord,
  type StorePlan,
} from "./plan.js";

export const manifestSchema = z.strictObject({
  ...storePlanSchema.shape,
  plan: sha256Schema,
  latents: z.int().min(1),
  skipped: z.int().min(0),
  /** In their order. */
  files: z.array(z.strictObject({ file: z.string(), latents: z.int().min(0), bytes: z.int(), sha256: sha256Schema })),
});
export type StoreManifest = z.output<typeof manifestSchema>;

export interface Shard {
  /** float32 `[n, h, w, c]`; rounded to float16 when the plan says so. */
  readonly rows: Float32Array;
  /** Of the images that the rows are of. */
  readonly names: readonly string[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

/** The shard's bytes are the same whoever writes it; its record comes after it, so a record means a whole shard. */
export async function writeShard(folder: string, plan: StorePlan, shard: number, content: Shard): Promise<ShardRecord> {
  const { rows, names, skipped } = content;
  const shape = latentShapeFromArray(plan.latentShape);
  if (rows.length !== names.length * latentSize(shape)) {
    throw new RangeError(`${rows.length} numbers for ${names.length} latents [${plan.latentShape}].`);
  }
  const data = toChannelFirst(rows, names.length, shape);
  const bytes = writeSafetensors(
    [
      { name: "latents", shape: [names.length, ...plan.latentShape], data, dtype: plan.dtype },
      ...momentsOf(data, plan),
    ],
    { names: JSON.stringify(names) },
  );
  await writeFileAtomic(join(folder, shardFile(shard, plan)), bytes);
  const record: ShardRecord = {
    plan: planDigest(plan),
    shard,
    latents: names.length,
    bytes: bytes.length,
    sha256: sha256(bytes),
    skipped: [...skipped],
  };
  await writeFileAtomic(join(folder, recordFile(shard, plan)), `${JSON.stringify(record, null, 2)}\n`);
  return record;
}

/** Mean and squared deviations `[c, h, w]` float64 of the latents as they are kept; none of latents that are not all finite. */
function momentsOf(data: Float32Array, { latentShape, dtype }: StorePlan): TensorToWrite[] {
  const moments = new LatentMoments(latentShape.reduce((product, size) => product * size, 1));
  const kept = dtype === "F16" ? float16ToFloat32(float32ToFloat16(data)) : data;
  if (!kept.every(Number.isFinite)) return [];
  moments.add(kept);
  return momentTensors.map((name) => ({ name: `moments.${name}`, shape: latentShape, data: moments[name] }));
}

export const momentTensors = ["mean", "squares"] as const;

/** The record of a shard that is whole by its size; null when it has to be made. */
export async function finishedShard(folder: string, plan: StorePlan, shard: number): Promise<ShardRecord | null> {
  const record = await readJson(join(folder, recordFile(shard, plan)), shardRecordSchema).catch(() => null);
  if (!record || record.plan !== planDigest(plan) || record.shard !== shard) return null;
  const info = await stat(join(folder, shardFile(shard, plan))).catch(() => null);
  return info?.size === record.bytes ? record : null;
}

/**
 * Checks that every shard is there, once, of the same plan, and whole (`verify`: by digest, not only by size), then writes
 * manifest.json. Doing it twice gives the same. Throws `store-unfinished`, `store-damaged`, `store-mixed`, `data-no-images`.
 */
export async function joinStore(folder: string, { verify = false } = {}): Promise<StoreManifest> {
  const plan = await requirePlan(folder);
  const digest = planDigest(plan);
  await refuseStrangers(folder, plan);
  const records: ShardRecord[] = [];
  const missing: number[] = [];
  for (let shard = 0; shard < plan.shards; shard++) {
    const record = await readJson(join(folder, recordFile(shard, plan)), shardRecordSchema);
    if (!record) {
      missing.push(shard);
      continue;
    }
    if (record.plan !== digest || record.shard !== shard) {
      throw new RevqError("store-mixed", `${recordFile(shard, plan)} in ${folder} belongs to another extraction.`, {
        fix: "Backbone, image size and list of images must be the same for all shards; extract that shard again.",
      });
    }
    await requireWhole(join(folder, shardFile(shard, plan)), record, verify);
    records.push(record);
  }
  if (missing.length > 0) throw unfinished(folder, plan, missing);
  await removeLeftovers(folder);
  const latents = records.reduce((sum, record) => sum + record.latents, 0);
  if (latents === 0) {
    const first = records.flatMap(({ skipped }) => skipped)[0];
    throw new RevqError("data-no-images", `None of the ${plan.images.count} images of ${plan.source} could be read.`, {
      fix: first ? `The first problem: ${first.name}: ${first.reason}.` : "Check the images.",
    });
  }
  const manifest: StoreManifest = {
    ...plan,
    plan: digest,
    latents,
    skipped: records.reduce((sum, { skipped }) => sum + skipped.length, 0),
    files: records.map((record) => ({
      file: shardFile(record.shard, plan),
      latents: record.latents,
      bytes: record.bytes,
      sha256: record.sha256,
    })),
  };
  await writeFileAtomic(join(folder, manifestFile), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

export async function requirePlan(folder: string): Promise<StorePlan> {
  const plan = await readPlan(folder);
  if (plan) return plan;
  throw new RevqError("not-a-store", `${folder} is no latent store: it has no ${planFile}.`, {
    fix: "Name a folder that `revq extract` wrote.",
  });
}

export function unfinished(folder: string, plan: StorePlan, missing: readonly number[]): RevqError {
  const shown = missing.slice(0, 8).join(", ") + (missing.length > 8 ? ", …" : "");
  return new RevqError(
    "store-unfinished",
    `${folder} is not finished: ${missing.length} of ${plan.shards} shards are missing (${shown}).`,
    { fix: "Run `revq extract` again with the same arguments: it makes what is missing." },
  );
}

/** Shards of another number of shards have other names; they would be passed over in silence. */
async function refuseStrangers(folder: string, plan: StorePlan): Promise<void> {
  const expected = new Set(Array.from({ length: plan.shards }, (_, shard) => shardFile(shard, plan)));
  const strange = (await readdir(folder)).find((name) => /^latents-.*\.safetensors$/.test(name) && !expected.has(name));
  if (strange === undefined) return;
  throw new RevqError("store-mixed", `${folder} holds ${strange}, which is not one of its ${plan.shards} shards.`, {
    fix: "Remove the file, or extract into an empty folder.",
  });
}

/** What killed processes left of shards that others have made since. A young one may still be written by somebody who began late. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!/^\.latents-.*\.tmp$/.test(name)) continue;
    const info = await stat(join(folder, name)).catch(() => null);
    if (info && Date.now() - info.mtimeMs > youngest) await rm(join(folder, name), { force: true });
  }
}

/** Ten minutes, in milliseconds. */
const youngest = 600_000;

async function requireWhole(path: string, record: ShardRecord, verify: boolean): Promise<void> {
  const info = await stat(path).catch(() => null);
  if (!info) throw damaged(path, "the file is not there, its record is");
  if (info.size !== record.bytes) throw damaged(path, `it has ${info.size} bytes of ${record.bytes}`);
  if (verify && (await fileDigest(path)) !== record.sha256) throw damaged(path, "its content is not what was written");
}

async function fileDigest(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}
