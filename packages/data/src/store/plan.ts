/**
 * A latent store: a folder of shards `latents-00000-of-00128.safetensors` (tensor `latents`,
 * `[n, c, h, w]`).
 *
 * - `images.tsv` and `plan.json` are written first: the images (bytes, name) and the settings that
 *   all shards share.
 * - Each shard has a record `latents-00000-of-00128.json`, written after the shard. A record means
 *   that its shard is complete.
 * - `manifest.json` is written last, when every shard is there. It means that the store is
 *   complete.
 */
import { RevqError } from "@revq/core";
import { sha256, writeFileAtomic } from "@revq/formats/node";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { imageListDifference, imageListText, readImageList, type ListedImage } from "../parts/image-list.js";
import { readJson } from "../parts/read-json.js";

export const storeFormatVersion = 1;
export const planFile = "plan.json";
export const imagesFile = "images.tsv";
export const manifestFile = "manifest.json";

const count = z.int().min(0);
const positive = z.int().min(1);
export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

export const storePlanSchema = z.strictObject({
  formatVersion: z.literal(storeFormatVersion),
  /**
   * The origin of the latents: backbone, fingerprint of its weights, preprocessing. Latents of
   * different keys must not be mixed.
   */
  key: z.record(z.string(), z.unknown()),
  /** `[c, h, w]` */
  latentShape: z.tuple([positive, positive, positive]),
  dtype: z.enum(["F32", "F16"]),
  /** The place of the images, for people. */
  source: z.string(),
  /** `sha256`: of images.tsv. */
  images: z.strictObject({ count: positive, sha256: sha256Schema }),
  imagesPerShard: positive,
  shards: positive,
});
export type StorePlan = z.output<typeof storePlanSchema>;

export const shardRecordSchema = z.strictObject({
  /** `planHash` of the store that the shard belongs to. */
  plan: sha256Schema,
  shard: count,
  /** Number of latents: the images of its range that could be read. */
  latents: count,
  bytes: count,
  sha256: sha256Schema,
  skipped: z.array(z.strictObject({ name: z.string(), reason: z.string() })),
});
export type ShardRecord = z.output<typeof shardRecordSchema>;

export interface PlanInput extends Pick<StorePlan, "key" | "latentShape" | "dtype" | "source"> {
  readonly images: readonly ListedImage[];
  /** Default: `defaultImagesPerShard`. */
  readonly imagesPerShard?: number;
}

/** At most about 1000 shards; small enough that a stopped extraction loses little. */
export function defaultImagesPerShard(images: number): number {
  return Math.max(32, Math.ceil(images / 1000));
}

export function planStore({ images, imagesPerShard, ...rest }: PlanInput): StorePlan {
  const perShard = imagesPerShard ?? defaultImagesPerShard(images.length);
  return {
    formatVersion: storeFormatVersion,
    ...rest,
    images: { count: images.length, sha256: sha256(imageListText(images)) },
    imagesPerShard: perShard,
    shards: Math.ceil(images.length / perShard),
  };
}

/**
 * Makes the store's folder, or continues one with the same images and key. Several processes may
 * call it at once: they write the same bytes.
 * @throws RevqError `store-other-images`, `store-other-key`
 */
export async function beginStore(folder: string, plan: StorePlan, images: readonly ListedImage[]): Promise<void> {
  const earlier = await readPlan(folder);
  if (earlier) return requireSamePlan(folder, earlier, plan, images);
  await mkdir(folder, { recursive: true });
  await writeFileAtomic(join(folder, imagesFile), imageListText(images));
  await writeFileAtomic(join(folder, planFile), planText(plan));
}

/** The plan of a store; null when the folder is not a store. Throws `store-damaged`. */
export async function readPlan(folder: string): Promise<StorePlan | null> {
  return readJson(join(folder, planFile), storePlanSchema, damaged);
}

/** Hash of the plan without `source`: machines may mount the same images in different places. */
export function planHash({ source: _source, ...plan }: StorePlan): string {
  return sha256(JSON.stringify(plan));
}

export function shardFile(shard: number, plan: Pick<StorePlan, "shards">): string {
  const digits = (value: number): string => String(value).padStart(5, "0");
  return `latents-${digits(shard)}-of-${digits(plan.shards)}.safetensors`;
}

export function recordFile(shard: number, plan: Pick<StorePlan, "shards">): string {
  return shardFile(shard, plan).replace(/safetensors$/, "json");
}

/** Indices of a shard's images: from, to (exclusive). */
export function shardRange(shard: number, { images, imagesPerShard }: StorePlan): [number, number] {
  return [shard * imagesPerShard, Math.min(images.count, (shard + 1) * imagesPerShard)];
}

export function damaged(path: string, why: string): RevqError {
  return new RevqError("store-damaged", `${path} cannot be used: ${why}.`, {
    fix: "Remove the file and extract again. Intact shards are kept. Inside a run, remove its folder run/latents.",
  });
}

async function requireSamePlan(
  folder: string,
  earlier: StorePlan,
  plan: StorePlan,
  images: readonly ListedImage[],
): Promise<void> {
  if (earlier.images.sha256 !== plan.images.sha256) {
    const before = await readImageList(join(folder, imagesFile), damaged);
    throw new RevqError(
      "store-other-images",
      `The latents in ${folder} were begun with other images than those of ${plan.source}: ${imageListDifference(before, images)}.`,
      { fix: "Restore the images, or start again in another folder." },
    );
  }
  const fields = ["key", "latentShape", "dtype", "imagesPerShard"] as const;
  const different = fields.filter((field) => JSON.stringify(earlier[field]) !== JSON.stringify(plan[field]));
  if (different.length === 0) return;
  const changes = different.map(
    (field) => `${field} was ${JSON.stringify(earlier[field])}, is ${JSON.stringify(plan[field])}`,
  );
  throw new RevqError(
    "store-other-key",
    `The latents in ${folder} were begun with other settings: ${changes.join("; ")}.`,
    {
      fix: "Use the same settings, or start again in another folder.",
    },
  );
}

function planText(plan: StorePlan): string {
  return `${JSON.stringify(plan, null, 2)}\n`;
}
