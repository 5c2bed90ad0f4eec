/**
 * A data set of tokens: a folder whose files hold samples, beside `vocabulary.json` and, where there are
 * labels, `labels.json`. `job/` says how it is made:
 *
 * - `plan.json` and `images.tsv` are written first: what all shards share, and the images (bytes, name).
 * - Each shard has a record `job/tokens-00003-of-00012.json`, written after the shard's files. A record
 *   means that its shard is complete.
 *
 * `dataset.json` is written last, when every shard is there. It means that the data set is complete.
 */
import { RevqError } from "@revq/core";
import { imageListDifference, imageListText, readImageList, type ListedImage } from "@revq/data";
import { sha256, writeFileAtomic } from "@revq/formats/node";
import { jsonText, vocabularyFile, vocabularySchema, type Vocabulary } from "@revq/tokenizer";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { datasetFormats, idTypes } from "../formats/format-id.js";
import { labelsSchema, type Labels } from "../labels/label-types.js";
import { labelsText } from "../labels/labels.js";
import { damaged, readJson } from "./read-json.js";

export const jobFolder = "job";
export const planFile = `${jobFolder}/plan.json`;
export const imagesFile = `${jobFolder}/images.tsv`;
export const manifestFile = "dataset.json";
export const labelsFile = "labels.json";

const positive = z.int().min(1);
export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

export const augmentations = ["none", "flip", "ten-crop"] as const;
export type Augmentation = (typeof augmentations)[number];

export const datasetPlanSchema = z.strictObject({
  formatVersion: z.literal(1),
  format: z.enum(datasetFormats),
  idType: z.enum(idTypes),
  /** Of everything that makes ids from latents, and of the backbone. */
  tokenizer: sha256Schema,
  /** Of vocabulary.json. */
  vocabulary: sha256Schema,
  input: z.enum(["images", "latents"]),
  augment: z.enum(augmentations),
  /** Samples of an image. */
  crops: positive,
  /** Sweeps after the first search; absent: none. */
  effort: positive.optional(),
  /** Of labels.json; null without labels. */
  labels: sha256Schema.nullable(),
  captions: z.boolean(),
  /** The place of the images, for people. */
  source: z.string(),
  /** `sha256`: of images.tsv. */
  images: z.strictObject({ count: positive, sha256: sha256Schema }),
  imagesPerShard: positive,
  shards: positive,
});
export type DatasetPlan = z.output<typeof datasetPlanSchema>;

export interface PlanInput extends Pick<
  DatasetPlan,
  "format" | "idType" | "tokenizer" | "input" | "augment" | "crops" | "effort" | "captions" | "source"
> {
  readonly vocabulary: Vocabulary;
  readonly labels: Labels | null;
  readonly images: readonly ListedImage[];
  /** Default: `defaultImagesPerShard`. */
  readonly imagesPerShard?: number | undefined;
}

/** About 100 shards, of 128 to 10,000 samples or so: a stopped job loses little, and readers have few files. */
export function defaultImagesPerShard(images: number, crops: number): number {
  return Math.max(1, Math.round(Math.min(10_000, Math.max(128, (images * crops) / 100)) / crops));
}

export function planDataset({ vocabulary, labels, images, imagesPerShard, ...rest }: PlanInput): DatasetPlan {
  const perShard = imagesPerShard ?? defaultImagesPerShard(images.length, rest.crops);
  // Parsing gives the order of the schema, which the hash depends on.
  return datasetPlanSchema.parse({
    formatVersion: 1,
    ...rest,
    vocabulary: sha256(jsonText(vocabulary)),
    labels: labels && sha256(labelsText(labels)),
    images: { count: images.length, sha256: sha256(imageListText(images)) },
    imagesPerShard: perShard,
    shards: Math.ceil(images.length / perShard),
  });
}

/** Indices of a shard's images: from, to (exclusive). */
export function rangeOfShard(shard: number, { images, imagesPerShard }: DatasetPlan): readonly [number, number] {
  return [shard * imagesPerShard, Math.min(images.count, (shard + 1) * imagesPerShard)];
}

/**
 * Begins the data set, or continues one of the same plan. Several processes may call it at once: they
 * write the same bytes.
 * @throws RevqError `dataset-other-images`, `dataset-other-settings`
 */
export async function beginDataset(
  folder: string,
  plan: DatasetPlan,
  { vocabulary, labels, images }: Pick<PlanInput, "vocabulary" | "labels" | "images">,
): Promise<void> {
  const earlier = await readPlan(folder);
  if (earlier) return requireSamePlan(folder, earlier, plan, { vocabulary, labels, images });
  await mkdir(join(folder, jobFolder), { recursive: true });
  await writeFileAtomic(join(folder, imagesFile), imageListText(images));
  await writeFileAtomic(join(folder, vocabularyFile), jsonText(vocabulary));
  if (labels) await writeFileAtomic(join(folder, labelsFile), labelsText(labels));
  await writeFileAtomic(join(folder, planFile), `${JSON.stringify(plan, null, 2)}\n`);
}

/** Null if the folder holds no data set. Throws `dataset-damaged`. */
export function readPlan(folder: string): Promise<DatasetPlan | null> {
  return readJson(join(folder, planFile), datasetPlanSchema);
}

/** @throws RevqError `not-a-dataset` */
export async function requirePlan(folder: string): Promise<DatasetPlan> {
  const plan = await readPlan(folder);
  if (plan) return plan;
  throw new RevqError("not-a-dataset", `${folder} holds no data set of tokens: it has no ${planFile}.`, {
    fix: "Name the folder that images were tokenized into.",
  });
}

/** Of the plan without `source`: machines may have the same images in different places. */
export function planHash({ source: _source, ...plan }: DatasetPlan): string {
  return sha256(JSON.stringify(plan));
}

async function requireSamePlan(
  folder: string,
  earlier: DatasetPlan,
  plan: DatasetPlan,
  { vocabulary, labels, images }: Pick<PlanInput, "vocabulary" | "labels" | "images">,
): Promise<void> {
  if (earlier.images.sha256 !== plan.images.sha256) {
    const before = await readImageList(join(folder, imagesFile), damaged);
    const difference = imageListDifference(before, images);
    throw new RevqError(
      "dataset-other-images",
      `The data set in ${folder} was begun with other images than those of ${plan.source}: ${difference}.`,
      { fix: "Restore the images, or start again in another folder." },
    );
  }
  const fields = Object.keys(datasetPlanSchema.shape).filter((field) => field !== "source") as (keyof DatasetPlan)[];
  const different = fields.filter((field) => JSON.stringify(earlier[field]) !== JSON.stringify(plan[field]));
  if (different.length === 0) return;
  const texts: Partial<Record<keyof DatasetPlan, readonly (string | undefined)[]>> = {
    vocabulary: [await readJson(join(folder, vocabularyFile), vocabularySchema), vocabulary].map(textOfVocabulary),
    labels: [earlier.labels === null ? null : await readJson(join(folder, labelsFile), labelsSchema), labels].map(
      textOfLabels,
    ),
    effort: [earlier.effort ?? 0, plan.effort ?? 0].map(String),
  };
  const changes = different.map((field) => {
    if (field === "tokenizer") return "it is of another tokenizer";
    const [before, now] = texts[field] ?? [earlier[field], plan[field]].map((value) => JSON.stringify(value));
    return before === now ? `${field} differs` : `${field} was ${before}, is ${now}`;
  });
  throw new RevqError(
    "dataset-other-settings",
    `The data set in ${folder} was begun with other settings: ${changes.join("; ")}.`,
    { fix: "Use the same settings, or start again in another folder." },
  );
}

/** `"codes" of 64 ids, with bos, classes:4` */
function textOfVocabulary(vocabulary: Vocabulary | null): string | undefined {
  if (!vocabulary) return undefined;
  const special = Object.entries(vocabulary.special).map(([name, { count }]) =>
    count === 1 ? name : `${name}:${count}`,
  );
  return `"${vocabulary.form}" of ${vocabulary.size} ids${special.length > 0 ? `, with ${special.join(", ")}` : ""}`;
}

/** `"folder" of 10 classes` */
function textOfLabels(labels: Pick<Labels, "source" | "column" | "names"> | null): string {
  if (!labels) return "none";
  const { source, column, names } = labels;
  return `"${source}"${column === null ? "" : ` ${column}`}${names ? ` of ${names.length} classes` : ""}`;
}
