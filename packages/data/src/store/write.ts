/** Writes the shards of a latent store, and its manifest when every shard is there and intact. */
import { LatentMoments } from "@revq/numerics";
import { latentShapeFromArray, latentSize, RevqError } from "@revq/core";
import { float16ToFloat32, float32ToFloat16, writeSafetensors, type TensorToWrite } from "@revq/formats";
import { sha256, sha256OfFile, writeFileAtomic } from "@revq/formats/node";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { toChannelFirst } from "../latents/layout.js";
import { readJson } from "../parts/read-json.js";
import {
  damaged,
  manifestFile,
  planFile,
  planHash,
  readPlan,
  recordFile,
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
  /** The shards, in order. */
  files: z.array(z.strictObject({ file: z.string(), latents: z.int().min(0), bytes: z.int(), sha256: sha256Schema })),
});
export type StoreManifest = z.output<typeof manifestSchema>;

export interface Shard {
  /** float32 `[n, h, w, c]`; rounded to float16 when that is the plan's dtype. */
  readonly rows: Float32Array;
  /** Names of the images, one per row. */
  readonly names: readonly string[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

/** Writes a shard and then its record. The bytes do not depend on the process that writes them. */
export async function writeShard(folder: string, plan: StorePlan, shard: number, content: Shard): Promise<ShardRecord> {
  const { rows, names, skipped } = content;
  const shape = latentShapeFromArray(plan.latentShape);
  if (rows.length !== names.length * latentSize(shape)) {
    throw new RangeError(`${rows.length} elements for ${names.length} latents [${plan.latentShape}].`);
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
    plan: planHash(plan),
    shard,
    latents: names.length,
    bytes: bytes.length,
    sha256: sha256(bytes),
    skipped: [...skipped],
  };
  await writeFileAtomic(join(folder, recordFile(shard, plan)), `${JSON.stringify(record, null, 2)}\n`);
  return record;
}

/**
 * Mean and squared deviations `[c, h, w]` float64 of the latents as written; none when a latent is
 * not finite.
 */
function momentsOf(data: Float32Array, { latentShape, dtype }: StorePlan): TensorToWrite[] {
  const moments = new LatentMoments(latentShape.reduce((product, size) => product * size, 1));
  const written = dtype === "F16" ? float16ToFloat32(float32ToFloat16(data)) : data;
  if (!written.every(Number.isFinite)) return [];
  moments.add(written);
  return momentTensors.map((name) => ({ name: `moments.${name}`, shape: latentShape, data: moments[name] }));
}

export const momentTensors = ["mean", "squares"] as const;

/** The record of a shard whose file has the right size; null when the shard has to be made. */
export async function finishedShard(folder: string, plan: StorePlan, shard: number): Promise<ShardRecord | null> {
  const record = await readJson(join(folder, recordFile(shard, plan)), shardRecordSchema, damaged).catch(() => null);
  if (!record || record.plan !== planHash(plan) || record.shard !== shard) return null;
  const info = await stat(join(folder, shardFile(shard, plan))).catch(() => null);
  return info?.size === record.bytes ? record : null;
}

/**
 * Checks that every shard is there, belongs to the plan and is intact (by size; with `verify` also
 * by hash), then writes manifest.json. Calling it again gives the same file.
 * @throws RevqError `not-a-store`, `store-unfinished`, `store-damaged`, `store-mixed`,
 * `data-no-images`
 */
export async function joinStore(folder: string, { verify = false } = {}): Promise<StoreManifest> {
  const plan = await requirePlan(folder);
  const hash = planHash(plan);
  await refuseForeignShards(folder, plan);
  const records: ShardRecord[] = [];
  const missing: number[] = [];
  for (let shard = 0; shard < plan.shards; shard++) {
    const record = await readJson(join(folder, recordFile(shard, plan)), shardRecordSchema, damaged);
    if (!record) {
      missing.push(shard);
      continue;
    }
    if (record.plan !== hash || record.shard !== shard) {
      throw new RevqError("store-mixed", `${recordFile(shard, plan)} in ${folder} belongs to another extraction.`, {
        fix: "Backbone, image size and list of images must be the same for all shards; extract that shard again.",
      });
    }
    await requireIntact(join(folder, shardFile(shard, plan)), record, verify);
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
    plan: hash,
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
  throw new RevqError("not-a-store", `${folder} is not a latent store: it has no ${planFile}.`, {
    fix: "Name a folder of extracted latents.",
  });
}

export function unfinished(folder: string, plan: StorePlan, missing: readonly number[]): RevqError {
  const shown = missing.slice(0, 8).join(", ") + (missing.length > 8 ? ", …" : "");
  return new RevqError(
    "store-unfinished",
    `${folder} is not finished: ${missing.length} of ${plan.shards} shards are missing (${shown}).`,
    { fix: "Extract again with the same settings: only the missing shards are made." },
  );
}

/**
 * Shards of a plan with another number of shards have other names. Without this check they would be
 * ignored silently.
 */
async function refuseForeignShards(folder: string, plan: StorePlan): Promise<void> {
  const expected = new Set(Array.from({ length: plan.shards }, (_, shard) => shardFile(shard, plan)));
  const foreign = (await readdir(folder)).find((name) => /^latents-.*\.safetensors$/.test(name) && !expected.has(name));
  if (foreign === undefined) return;
  throw new RevqError("store-mixed", `${folder} holds ${foreign}, which is not one of its ${plan.shards} shards.`, {
    fix: "Remove the file, or extract into an empty folder.",
  });
}

/**
 * Removes temporary files of killed processes. Another process may still be writing a recent one.
 */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!/^\.latents-.*\.tmp$/.test(name)) continue;
    const info = await stat(join(folder, name)).catch(() => null);
    if (info && Date.now() - info.mtimeMs > minAge) await rm(join(folder, name), { force: true });
  }
}

/** Of a temporary file that is removed: ten minutes, in milliseconds. */
const minAge = 600_000;

async function requireIntact(path: string, record: ShardRecord, verify: boolean): Promise<void> {
  const info = await stat(path).catch(() => null);
  if (!info) throw damaged(path, "the file is missing, although it has a record");
  if (info.size !== record.bytes) throw damaged(path, `it has ${info.size} bytes of ${record.bytes}`);
  if (verify && (await sha256OfFile(path)) !== record.sha256)
    throw damaged(path, "its content has changed since it was written");
}
