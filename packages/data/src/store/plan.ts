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
import { fromFile, sha256, writeFileAtomic } from "@revq/formats/node";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

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

/**
 * An image in images.tsv: its name, and the size of its file in bytes, 0 where there is no file.
 */
export interface ListedImage {
  readonly name: string;
  readonly bytes: number;
}

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
    images: { count: images.length, sha256: sha256(listText(images)) },
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
  await writeFileAtomic(join(folder, imagesFile), listText(images));
  await writeFileAtomic(join(folder, planFile), planText(plan));
}

/** The plan of a store; null when the folder is not a store. Throws `store-damaged`. */
export async function readPlan(folder: string): Promise<StorePlan | null> {
  return readJson(join(folder, planFile), storePlanSchema);
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

/**
 * Reads a JSON file of a store; null when there is none. Throws `store-damaged` when it does not
 * match the schema.
 */
export async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return null;
    throw damaged(path, error.code ?? error.message);
  });
  if (text === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged(path, "it is not JSON");
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw damaged(path, `${issue!.path.join(".") || "the file"}: ${issue!.message}`);
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
    const before = await readList(folder);
    throw new RevqError(
      "store-other-images",
      `The latents in ${folder} were begun with other images than those of ${plan.source}: ${firstDifference(before, images)}.`,
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

function firstDifference(before: readonly ListedImage[], now: readonly ListedImage[]): string {
  if (before.length !== now.length) return `${before.length} then, ${now.length} now`;
  const i = now.findIndex(({ name, bytes }, at) => before[at]!.name !== name || before[at]!.bytes !== bytes);
  const [old, fresh] = [before[i]!, now[i]!];
  if (old.name !== fresh.name) return `image ${i + 1} was ${old.name}, is ${fresh.name}`;
  return `${fresh.name} had ${old.bytes} bytes, has ${fresh.bytes}`;
}

/** The images of a store, in order. */
export async function readList(folder: string): Promise<ListedImage[]> {
  const path = join(folder, imagesFile);
  const source = await fromFile(path);
  const text = new TextDecoder().decode(await source.read(0, source.size));
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const [, bytes, name] = /^(\d+)\t(.*)$/.exec(line) ?? [];
      if (bytes === undefined || name === undefined)
        throw damaged(path, `the line "${line.slice(0, 80)}" is malformed`);
      return { name: JSON.parse(name) as string, bytes: Number(bytes) };
    });
}

/** Names are JSON strings: they may hold tabs and line ends. */
function listText(images: readonly ListedImage[]): string {
  return images.map(({ name, bytes }) => `${bytes}\t${JSON.stringify(name)}\n`).join("");
}

function planText(plan: StorePlan): string {
  return `${JSON.stringify(plan, null, 2)}\n`;
}
