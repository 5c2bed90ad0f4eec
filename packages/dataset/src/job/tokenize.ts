/**
 * Images or latents to a data set of tokens, shard by shard. Existing shards are kept, so a stopped job
 * goes on where it was. A shard depends on its images alone, so the bytes are the same whether one
 * process makes all shards or several share them.
 */
import { codesToIds, type ReportProgress } from "@revq/core";
import {
  doPart,
  unitsOfPart,
  type ListedImage,
  type Part,
  type PartOutcome,
  type SharedJob,
  type SkippedImage,
} from "@revq/data";
import type { Tokenizer, Vocabulary } from "@revq/tokenizer";
import type { DatasetContext } from "../formats/format.js";
import type { DatasetFormatId } from "../formats/format-id.js";
import { formatOf } from "../formats/index.js";
import type { ShardContent } from "../formats/shard-content.js";
import type { Captions } from "../labels/captions.js";
import type { Labels } from "../labels/label-types.js";
import type { EncodedRange, SampleSource } from "../source/sample-source.js";
import { tokenizerFingerprint } from "./fingerprint.js";
import { joinDataset, missingShards, type DatasetManifest } from "./join.js";
import { beginDataset, planDataset, rangeOfShard, type DatasetPlan } from "./plan.js";
import { skippedOf, writeShard } from "./shards.js";

export interface TokenizeInput {
  readonly tokenizer: Tokenizer;
  readonly source: SampleSource;
  readonly format: DatasetFormatId;
  /** Names the form of the ids. */
  readonly vocabulary: Vocabulary;
  readonly labels: Labels | null;
  readonly captions: Captions | null;
  readonly imagesPerShard?: number | undefined;
}

/** What will be made. */
export interface PlannedDataset {
  readonly plan: DatasetPlan;
  readonly images: readonly ListedImage[];
}

/** Counts are shards of this part. */
export interface TokenizeOutcome extends PartOutcome<DatasetManifest> {
  readonly plan: DatasetPlan;
  readonly skipped: readonly SkippedImage[];
}

/** @throws RevqError `dataset-llamagen` */
export async function planTokenize(input: TokenizeInput): Promise<PlannedDataset> {
  const { tokenizer, source, vocabulary, labels, captions } = input;
  const format = formatOf(input.format);
  format.check?.(vocabulary, labels !== null);
  const images = await source.list();
  const plan = planDataset({
    format: format.id,
    idType: format.idType(vocabulary),
    tokenizer: await tokenizerFingerprint(tokenizer),
    vocabulary,
    input: source.input,
    augment: source.augment,
    crops: source.crops,
    ...(source.effort > 0 ? { effort: source.effort } : {}),
    labels,
    captions: captions !== null,
    source: source.description,
    images,
    imagesPerShard: input.imagesPerShard,
  });
  return { plan, images };
}

/**
 * Makes the missing shards of one part; the last part to finish joins the data set.
 * @throws RevqError `dataset-*`, `label-*`, and those of reading and encoding
 */
export async function tokenizeDataset(
  folder: string,
  input: TokenizeInput,
  part: Part,
  { signal, report }: { readonly signal: AbortSignal; readonly report: ReportProgress },
): Promise<TokenizeOutcome> {
  const { vocabulary, labels, source } = input;
  const { plan, images } = await planTokenize(input);
  const context: DatasetContext = { plan, vocabulary, classNames: labels?.names ?? null };
  const shards = unitsOfPart(part, plan.shards);
  const imagesOf = (shard: number): number => rangeOfShard(shard, plan)[1] - rangeOfShard(shard, plan)[0];
  const total = shards.reduce((sum, shard) => sum + imagesOf(shard), 0);
  const job: SharedJob<EncodedShard, DatasetManifest> = {
    units: plan.shards,
    begin: () => beginDataset(folder, plan, { vocabulary, labels, images }),
    missing: () => missingShards(folder, plan),
    write: (shard, { content, skipped }) => writeShard(folder, shard, content, [...skipped], context),
    join: () => joinDataset(folder),
  };
  const encode = async (shard: number): Promise<EncodedShard> => {
    const before = shards.reduce((sum, other) => sum + (other < shard ? imagesOf(other) : 0), 0);
    const onBatch = (done: number): void => report({ phase: "tokenize", done: before + done, total });
    const range = await source.encode(...rangeOfShard(shard, plan), { signal, onBatch });
    signal.throwIfAborted(); // no shard of a part of its images
    return { content: await contentOf(range, input), skipped: range.skipped };
  };
  const outcome = await doPart(job, part, encode, signal);
  report({ phase: "tokenize", done: total, total });
  return { ...outcome, plan, skipped: await skippedOf(folder, plan, shards) };
}

interface EncodedShard {
  readonly content: ShardContent;
  readonly skipped: readonly SkippedImage[];
}

/** The samples of a range, with labels and captions. */
export async function contentOf(
  { images, codes }: EncodedRange,
  { source, tokenizer, vocabulary, labels, captions }: TokenizeInput,
): Promise<ShardContent> {
  const { crops } = source;
  /** The same value for all crops of an image. */
  const ofSamples = <T>(values: readonly T[]): T[] =>
    crops === 1 ? [...values] : values.flatMap((value) => Array<T>(crops).fill(value));
  const read = async <T>(of: (index: number) => Promise<T>): Promise<T[]> => {
    const values: T[] = [];
    for (const image of images) values.push(await of(image));
    return ofSamples(values);
  };
  return {
    ids: codesToIds(codes, tokenizer.layout, vocabulary.form),
    keys: ofSamples(images.map((image) => source.names[image]!)),
    numbers: ofSamples(images),
    crops: crops === 1 ? null : images.flatMap(() => Array.from({ length: crops }, (_, crop) => crop)),
    labels: labels && (await read((image) => labels.of(image))),
    captions: captions && (await read(captions)),
  };
}
